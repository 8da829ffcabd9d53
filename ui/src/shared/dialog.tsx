import { Button, Drawer, Modal } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { ReactNode } from 'react';
import styles from './dialog.module.css';

interface Change {
  readonly isPending: boolean;
  readonly error: Error | null;
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
    <Modal opened={opened} onClose={close} title={title} closeButtonProps={{ 'aria-label': 'Close' }} centered>
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
    </Modal>
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
    <Drawer
      opened={opened}
      onClose={close}
      title={title}
      position="right"
      size={phone ? '100%' : 620}
      overlayProps={{ backgroundOpacity: 0.35 }}
      transitionProps={{ duration: 120 }}
      closeButtonProps={{ 'aria-label': 'Close' }}
      classNames={{ title: styles.title ?? '', body: styles.editor ?? '' }}
    >
      {children}
    </Drawer>
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
