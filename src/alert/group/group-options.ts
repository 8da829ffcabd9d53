import type { Options, OptionsSpec } from '../../domain/options.ts';
import { MINUTE } from '../../domain/units.ts';

export const groupOptions = {
  onsetWindow: {
    type: 'duration',
    default: 5 * MINUTE,
    min: 0,
    doc: 'Anomalies of related services belong together when their onsets are this close.',
  },
  storyWindow: {
    type: 'duration',
    default: 8 * MINUTE,
    min: 0,
    doc: 'A service joins an open incident only this soon after its onset (callers of a service that is still anomalous: an hour).',
  },
  momentWindow: {
    type: 'duration',
    default: MINUTE,
    min: 0,
    doc: 'Anomalies this close belong together wherever they are.',
  },
  reopenWindow: {
    type: 'duration',
    default: 30 * MINUTE,
    min: 0,
    doc: 'How long after closing an incident can be reopened at all.',
  },
  reopenQuiet: {
    type: 'duration',
    default: MINUTE,
    min: 0,
    doc: 'The same trouble this soon after closing reopens the incident; later it is a new one.',
  },
  flapCount: {
    type: 'integer',
    default: 2,
    min: 1,
    doc: 'After this many incidents of the same trouble within the reopen window, the last one is reopened instead.',
  },
} as const satisfies OptionsSpec;
export type GroupOptions = Options<typeof groupOptions>;
