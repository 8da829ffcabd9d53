import { Button, Drawer, Modal } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { ReactNode } from 'react';
import styles from './dialog.module.css';

interface Change {
  readonly isPending: boolean;
  readonly error: Error | null;
}

/**
 * A dialog in the middle. Mantine's own head is a <header>, which would be a second banner of the page: ours is none.
 */
export function Dialog({
  opened,
  close,
  title,
  size = 'md',
  children,
}: {
  opened: boolean;
  close: () => void;
  title: string;
  size?: string;
  children: ReactNode;
}) {
  return (
    <Modal.Root opened={opened} onClose={close} size={size} centered>
      <Modal.Overlay />
      <Modal.Content>
        <div className={styles.head}>
          <Modal.Title className={styles.title}>{title}</Modal.Title>
          <Modal.CloseButton aria-label="Close" />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

/** Says what will happen before it does. */
export function Confirm({
  opened,
  close,
  title,
  children,
  action,
  disabled = false,
  change,
  go,
}: {
  opened: boolean;
  close: () => void;
  title: string;
  children: ReactNode;
  /** What the button says: the deed, not "OK". */
  action: string;
  disabled?: boolean;
  change: Change;
  go: () => void;
}) {
  return (
    <Dialog opened={opened} close={close} title={title}>
      <div className={styles.text}>{children}</div>
      <Refused error={change.error} />
      <div className={styles.foot}>
        <Button variant="default" size="sm" onClick={close}>
          Cancel
        </Button>
        <Button size="sm" disabled={disabled} loading={change.isPending} onClick={go}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}

/** A form beside the page: what it changes stays in view. */
export function Editor({
  opened,
  close,
  title,
  children,
}: {
  opened: boolean;
  close: () => void;
  title: string;
  children: ReactNode;
}) {
  const phone = useMediaQuery('(max-width: 700px)', false, { getInitialValueInEffect: false });
  return (
    <Drawer.Root
      opened={opened}
      onClose={close}
      position="right"
      size={phone ? '100%' : 620}
      transitionProps={{ duration: 120 }}
    >
      <Drawer.Overlay backgroundOpacity={0.35} />
      <Drawer.Content>
        <div className={styles.head}>
          <Drawer.Title className={styles.title}>{title}</Drawer.Title>
          <Drawer.CloseButton aria-label="Close" />
        </div>
        <Drawer.Body className={styles.editor}>{children}</Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}

/** The end of a form: why it was refused, and the buttons, always in reach. */
export function EditorFoot({ error, children }: { error: Error | null; children: ReactNode }) {
  return (
    <div className={styles.sticky}>
      <Refused error={error} />
      <div className={styles.foot}>{children}</div>
    </div>
  );
}

export function Refused({ error }: { error: Error | null }) {
  if (error === null) return null;
  return (
    <p role="alert" className={styles.error}>
      Not stored: {error.message}
    </p>
  );
}
