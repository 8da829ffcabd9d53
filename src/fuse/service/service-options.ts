import type { Options, OptionsSpec } from '../../domain/options.ts';
import { MINUTE } from '../../domain/units.ts';

export const serviceOptions = {
  coldStart: {
    type: 'duration',
    default: 15 * MINUTE,
    min: 0,
    doc: 'How long (event time) a new service is only learnt: its ticks say so and nothing pages.',
  },
  coldTicks: {
    type: 'integer',
    default: 30,
    min: 0,
    max: 100_000,
    doc: 'Ticks with scored series that a new service is only learnt for, however long they take.',
  },
  urgentSurprise: {
    type: 'number',
    default: 5,
    min: 3,
    max: 6,
    doc: 'A point with -log10 p of at least this asks for a provisional report of its service at once.',
  },
  storyWeight: {
    type: 'number',
    default: 0,
    min: 0,
    max: 0.9,
    doc: 'What several moderately strange signals of two minutes together weigh beside the tick alone. 0: off; more finds more and cries wolf more.',
  },
} as const satisfies OptionsSpec;
export type ServiceOptions = Options<typeof serviceOptions>;
