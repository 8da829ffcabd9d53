import type { ReactNode } from 'react';
import type { ServiceHealth } from '../../../src/domain/health.ts';
import type { Severity } from '../../../src/domain/incident.ts';
import type { VerdictKind } from '../../../src/domain/verdict.ts';
import styles from './signs.module.css';

/** Shape and word carry the meaning; colour only helps. */
type Look = { readonly word: string; readonly tone: string; readonly shape: ReactNode };

const octagon = (
  <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z M7.1 4l.3 5h1.2l.3-5z M8 10.4a1 1 0 100 2 1 1 0 000-2z" fillRule="evenodd" />
);
const triangle = (
  <path d="M8 1l7.5 13.5H.5z M7.2 5.5l.3 4.5h1l.3-4.5z M8 11.2a.9.9 0 100 1.8.9.9 0 000-1.8z" fillRule="evenodd" />
);
const circle = (
  <path d="M8 1a7 7 0 100 14A7 7 0 008 1z M7.2 7h1.6v5H7.2z M8 3.8a1 1 0 110 2 1 1 0 010-2z" fillRule="evenodd" />
);
const check = (
  <path
    d="M3 8.4l3.2 3.2L13 4.8"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.8"
    strokeLinecap="round"
    strokeLinejoin="round"
  />
);
const diamond = (
  <path d="M8 1.5L14.5 8 8 14.5 1.5 8z" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinejoin="round" />
);
const dash = <path d="M2 8h3M7 8h2M11 8h3" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />;
const ring = (
  <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.8" strokeDasharray="2.6 2.6" />
);

const SEVERITIES: Readonly<Record<Severity, Look>> = {
  critical: { word: 'Critical', tone: 'critical', shape: octagon },
  warning: { word: 'Warning', tone: 'warning', shape: triangle },
  info: { word: 'Info', tone: 'info', shape: circle },
};

const STATES: Readonly<Record<ServiceHealth['state'], Look>> = {
  anomalous: { word: 'Anomalous', tone: 'critical', shape: octagon },
  suspicious: { word: 'Suspicious', tone: 'warning', shape: diamond },
  silent: { word: 'Silent', tone: 'silent', shape: dash },
  learning: { word: 'Learning', tone: 'info', shape: ring },
  healthy: { word: 'Normal', tone: 'ok', shape: check },
};

export const STATE_ORDER: readonly ServiceHealth['state'][] = [
  'anomalous',
  'silent',
  'suspicious',
  'learning',
  'healthy',
];
export const stateWord = (state: ServiceHealth['state']): string => STATES[state].word;
export const stateTone = (state: ServiceHealth['state']): string => STATES[state].tone;

function Glyph({ look, size }: { look: Look; size: number }) {
  return (
    <svg viewBox="0 0 16 16" width={size} height={size} fill="currentColor" aria-hidden="true" className={styles.glyph}>
      {look.shape}
    </svg>
  );
}

function Sign({ look, bare, size = 14 }: { look: Look; bare: boolean; size?: number }) {
  return (
    <span className={styles.sign} data-tone={look.tone} title={bare ? look.word : undefined}>
      <Glyph look={look} size={size} />
      <span className={bare ? 'visually-hidden' : undefined}>{look.word}</span>
    </span>
  );
}

export const SeveritySign = ({
  severity,
  bare = false,
  size,
}: {
  severity: Severity;
  bare?: boolean;
  size?: number;
}) => <Sign look={SEVERITIES[severity]} bare={bare} {...(size === undefined ? {} : { size })} />;
export const StateSign = ({
  state,
  bare = false,
  size,
}: {
  state: ServiceHealth['state'];
  bare?: boolean;
  size?: number;
}) => <Sign look={STATES[state]} bare={bare} {...(size === undefined ? {} : { size })} />;

/** For use inside a larger SVG. */
export const stateShape = (state: ServiceHealth['state']): ReactNode => STATES[state].shape;

export const VERDICT_WORDS: Readonly<Record<VerdictKind, { readonly label: string; readonly effect: string }>> = {
  real: { label: 'Real', effect: 'Tocsin will trust signals like these more.' },
  'false-alarm': { label: 'False alarm', effect: 'Tocsin will need stronger evidence from these series.' },
  expected: { label: 'Expected', effect: 'Right, but planned: it will not count against these services.' },
  'new-normal': { label: 'New normal', effect: 'Tocsin will learn the new level as usual.' },
};

export function Chip({ tone = 'plain', children, title }: { tone?: string; children: ReactNode; title?: string }) {
  return (
    <span className={styles.chip} data-tone={tone} title={title}>
      {children}
    </span>
  );
}
