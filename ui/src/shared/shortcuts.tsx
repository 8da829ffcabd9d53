import { Kbd } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Dialog } from './dialog.tsx';
import { href, navigate } from './router.tsx';
import styles from './shell.module.css';

/** A page and the key that leads there after `g`. */
interface Place {
  readonly path: string;
  readonly name: string;
  readonly key: string;
}

/** How long `g` waits for its second key. */
const CHORD_MS = 1_200;

/** A key that means a shortcut: nobody types, no dialog is open, no chord of the browser's. */
export function meantAsShortcut(event: KeyboardEvent): boolean {
  const { target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)))
    return false;
  const dialog = document.querySelector('[role="dialog"][aria-modal="true"]');
  return dialog === null || (event.key === '?' && dialog.contains(document.querySelector('[data-keys]')));
}

/** Moves the focus along the items of a list (`data-item`), as in a mail program. */
function step(direction: 1 | -1): void {
  const items = [...document.querySelectorAll<HTMLElement>('[data-item]')].filter((item) => item.offsetParent !== null);
  if (items.length === 0) return;
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next =
    at < 0 ? (direction === 1 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, at + direction));
  items[next]?.focus();
  items[next]?.scrollIntoView({ block: 'nearest' });
}

export function Shortcuts({ pages, onScheme }: { pages: readonly Place[]; onScheme: () => void }) {
  const [help, setHelp] = useState(false);

  useEffect(() => {
    let chord = 0;
    const press = (event: KeyboardEvent): void => {
      if (!meantAsShortcut(event)) return;
      const going = Date.now() - chord < CHORD_MS;
      chord = 0;
      const page = going ? pages.find(({ key }) => key === event.key) : undefined;
      if (page !== undefined) navigate(href(page.path));
      else if (event.key === 'g') chord = Date.now();
      else if (event.key === '?') setHelp((shown) => !shown);
      else if (event.key === 'd') onScheme();
      else if (event.key === 'j' || event.key === 'k') step(event.key === 'j' ? 1 : -1);
      else if (event.key === 'n') document.querySelector<HTMLElement>('[data-new]')?.click();
      else if (event.key === '/') document.querySelector<HTMLInputElement>('[data-search]')?.focus();
      else if (event.key === 'u' && location.pathname !== href(''))
        navigate(
          new URL('.', location.href.replace(/[?#].*$/, '').replace(/\/$/, '')).pathname.replace(/(.)\/$/, '$1'),
        );
      else return;
      event.preventDefault();
    };
    // Before every page's own keys: the second key of a chord is no shortcut of theirs.
    window.addEventListener('keydown', press, true);
    return () => window.removeEventListener('keydown', press, true);
  }, [onScheme, pages]);

  const rows: readonly (readonly [keys: readonly string[], does: string])[] = [
    ...pages.map(({ key, name }) => [['g', key], `Go to ${name.toLowerCase()}`] as const),
    [['j'], 'Next item of the list'],
    [['k'], 'Previous item of the list'],
    [['Enter'], 'Open the item'],
    [['u'], 'Up one level'],
    [['/'], 'Search'],
    [['n'], 'New (silence, window)'],
    [['a'], 'Acknowledge (on an incident)'],
    [['c'], 'Comment (on an incident)'],
    [['d'], 'Dark or light'],
    [['?'], 'This list'],
  ];
  return (
    <Dialog opened={help} close={() => setHelp(false)} title="Keyboard" size="sm">
      <dl className={styles.keys} data-keys>
        {rows.map(([keys, does]) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
