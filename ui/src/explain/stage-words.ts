import { plain, pValue } from '../shared/format.ts';

/** What a stage asks, in words of the reader. */
const ASKS: Readonly<Record<string, string>> = {
  anomaly: 'Is it an anomaly?',
  policy: 'Does a policy let it count?',
  'series-p': 'Is the series strange?',
  'service-p': 'Is the service strange?',
  'false-discovery': 'Could it be chance?',
  budget: 'Is there page budget left?',
  persistence: 'Does it last?',
  group: 'Which incident is it part of?',
  snooze: 'Did somebody snooze it?',
  inhibit: 'Is it only an effect?',
  silence: 'Is it silenced?',
  maintenance: 'Is there maintenance?',
  route: 'Does a route take it?',
  notify: 'Was somebody told?',
  escalate: 'Did somebody take it up?',
};

export const stageAsks = (stage: string): string => ASKS[stage] ?? stage;

/** Stages that compare p-values: their numbers read as powers of ten. */
const PROBABILITIES = new Set(['series-p', 'service-p', 'false-discovery', 'anomaly']);

/** "p 2·10⁻⁵, limit 10⁻³"; empty when nothing was compared. */
export function comparedWords(stage: string, value: number | null, limit: number | null): string {
  if (value === null || limit === null) return '';
  // Some other stages let what is extreme pass by its p as well.
  if (PROBABILITIES.has(stage) || (Math.max(value, limit) < 0.01 && Math.min(value, limit) > 0))
    return `p ${pValue(value)}, limit ${pValue(limit).replace(/^< /, '')}`;
  if (stage === 'route') return `confidence ${plain(value)}, asked for ${plain(limit)}`;
  if (stage === 'budget') return `${plain(value)} of ${plain(limit)} used before`;
  return `${plain(value)}, limit ${plain(limit)}`;
}
