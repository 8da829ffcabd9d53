import type { ServiceTick } from '../../domain/anomaly.ts';
import type { Counterfactual } from '../../domain/replay/backtest.ts';
import type { JournalCommand } from '../../domain/replay/journal.ts';
import { Side } from '../backtest/side.ts';
import type { Settings } from '../settings.ts';
import type { Frozen, Outcome } from './explain.ts';

/** What is changed when a moment is run again. */
interface Variation {
  readonly settings?: Settings;
  readonly tick?: ServiceTick;
  readonly standing?: readonly JournalCommand[];
}

interface Rerun {
  readonly opened: boolean;
  readonly told: boolean;
}

/** Enough for three digits over six decades. */
const HALVINGS = 24;
const MOST = 6;

/**
 * Smallest changes that turn what became of a moment, each found and confirmed by running the correlator's own stages again from
 * the state of then: what would have opened it, told somebody of it, or not.
 */
export function smallestChanges(found: Outcome, service: string): Counterfactual[] {
  const { moment, incident, told } = found;
  const again = (variation: Variation, follow: boolean): Rerun => rerun(moment, service, variation, follow);
  const changes =
    incident === null
      ? toOpen(moment, (variation) => again(variation, false).opened)
      : told.length === 0
        ? toTell(found, (variation) => again(variation, true).told)
        : [
            ...toKeepShut(moment, (variation) => !again(variation, false).opened),
            ...toKeepQuiet(found, (variation) => !again(variation, true).told),
          ];
  return changes.slice(0, MOST);
}

function rerun(moment: Frozen, service: string, variation: Variation, follow: boolean): Rerun {
  const { stamp, externalUrl, state, tick, late } = moment;
  const settings = variation.settings ?? moment.settings;
  const side = new Side({ settings, stamp, externalUrl }, state, variation.standing ?? moment.standing);
  const services = moment.report.services.map((one) => (one === tick ? (variation.tick ?? tick) : one));
  side.take({ ...moment.report, services }, late);
  const incident = side.correlator
    .incidents()
    .find(({ anomalies }) =>
      anomalies.some((a) => a.service === service && a.openedAt <= tick.at && a.closedAt === null),
    );
  if (incident !== undefined && follow) for (const next of moment.following) side.take(next.report, next.late);
  return { opened: incident !== undefined, told: incident !== undefined && side.told.has(incident.id) };
}

type Turns = (variation: Variation) => boolean;

/** What would have opened an incident. */
function toOpen(moment: Frozen, turns: Turns): Counterfactual[] {
  const { tick, settings } = moment;
  const out: Counterfactual[] = [];
  if (tick.learning === true && turns({ tick: { ...tick, learning: false } }))
    out.push({
      what: 'learning',
      before: 'yes',
      after: 'no',
      text: 'Once the service was learnt it would have alerted.',
      verified: true,
    });
  const p = search(surprise(tick.p), 6, (s) => turns({ tick: { ...tick, p: 10 ** -s } }));
  if (p !== null)
    out.push(ofP(tick, p, 'below', 'would have alerted', (value) => turns({ tick: { ...tick, p: value } })));
  out.push(...ofDecide(settings, turns, 'would have alerted', 'up'));
  const deviation = settings.decide.minRelativeDeviation;
  if (deviation > 0) {
    const share = search(-deviation, 0, (d) => turns({ settings: decided(settings, { minRelativeDeviation: -d }) }));
    if (share !== null) {
      const after = Math.max(0, floor(-share));
      if (turns({ settings: decided(settings, { minRelativeDeviation: after }) }))
        out.push(ofKey('decide.min_relative_deviation', deviation, after, 'would have alerted'));
    }
  }
  return out;
}

/** What would have kept it from opening. */
function toKeepShut(moment: Frozen, turns: Turns): Counterfactual[] {
  const { tick, settings } = moment;
  const out: Counterfactual[] = [];
  const s = search(-surprise(tick.p), 0, (minus) => turns({ tick: { ...tick, p: 10 ** minus } }));
  if (s !== null)
    out.push(ofP(tick, -s, 'above', 'would not have alerted', (value) => turns({ tick: { ...tick, p: value } })));
  out.push(...ofDecide(settings, turns, 'would not have alerted', 'down'));
  return out;
}

/** What would have told somebody. */
function toTell({ moment, incident, records }: Outcome, turns: Turns): Counterfactual[] {
  const { settings, standing } = moment;
  const out: Counterfactual[] = [];
  const word = 'somebody would have been told';
  for (const [method, what] of [
    ['setSilences', 'silence'],
    ['setMaintenance', 'maintenance'],
  ] as const) {
    const items = (standing.find((command) => command.method === method)?.args[0] ?? []) as readonly { id: string }[];
    const stopped = records.some(({ stage, outcome }) => stage === what && outcome === 'suppressed');
    if (!stopped) continue;
    const without = (ids: ReadonlySet<string>): readonly JournalCommand[] =>
      standing.map((command) =>
        command.method === method ? { method, args: [items.filter(({ id }) => !ids.has(id))] } : command,
      );
    const one = items.find(({ id }) => turns({ standing: without(new Set([id])) }));
    if (one !== undefined)
      out.push({
        what: `${what} ${one.id}`,
        before: 'in force',
        after: 'not there',
        text: `Without ${what} ${one.id} ${word}.`,
        verified: true,
      });
    else if (turns({ standing: without(new Set(items.map(({ id }) => id))) }))
      out.push({
        what: `${what}s`,
        before: `${items.length} in force`,
        after: 'none',
        text: `Without any ${what} ${word}; no single one is enough.`,
        verified: true,
      });
  }
  for (const severity of ['warning', 'info'] as const) {
    if (!turns({ settings: routed(settings, { min_severity: severity }) })) continue;
    out.push(ofKey('route.min_severity', String(settings.route.min_severity ?? 'info'), severity, word));
    break;
  }
  const confidence = floor(incident!.confidence);
  if (turns({ settings: routed(settings, { min_confidence: confidence }) }))
    out.push(ofKey('route.min_confidence', settings.route.min_confidence ?? 0, confidence, word));
  if (settings.inhibit_rules.length > 0 && turns({ settings: { ...settings, inhibit_rules: [] } }))
    out.push(ofKey('inhibit_rules', settings.inhibit_rules.length, 0, word));
  return out;
}

/** What would have told nobody. */
function toKeepQuiet({ incident, moment }: Outcome, turns: Turns): Counterfactual[] {
  const { settings } = moment;
  const confidence = Math.min(1, ceil(incident!.confidence + 1e-9));
  if (incident!.confidence >= 1 || !turns({ settings: routed(settings, { min_confidence: confidence }) })) return [];
  return [ofKey('route.min_confidence', settings.route.min_confidence ?? 0, confidence, 'nobody would have been told')];
}

/** Page budget and persistence. */
function ofDecide(settings: Settings, turns: Turns, word: string, direction: 'up' | 'down'): Counterfactual[] {
  const { pageBudget, needed, window } = settings.decide;
  const out: Counterfactual[] = [];
  const sign = direction === 'up' ? 1 : -1;
  const end = direction === 'up' ? Math.log(1_000) : -Math.log(0.001);
  const found = search(sign * Math.log(pageBudget), end, (log) =>
    turns({ settings: decided(settings, { pageBudget: Math.exp(sign * log) }) }),
  );
  if (found !== null) {
    const exact = Math.exp(sign * found);
    const after = direction === 'up' ? ceil(exact) : floor(exact);
    if (turns({ settings: decided(settings, { pageBudget: after }) }))
      out.push(
        ofKey(
          'decide.page_budget',
          pageBudget,
          after,
          word,
          `At a budget of ${after} false incidents a service and week`,
        ),
      );
  }
  const counts = direction === 'up' ? range(needed - 1, 1) : range(needed + 1, Math.max(window, 10));
  for (const n of counts) {
    const changed = decided(settings, { needed: n, window: Math.max(n, window) });
    if (!turns({ settings: changed })) continue;
    out.push(ofKey('decide.needed', needed, n, word, `With ${n} strange ticks needed instead of ${needed}`));
    break;
  }
  return out;
}

const range = (from: number, to: number): number[] =>
  from < to
    ? Array.from({ length: to - from + 1 }, (_, i) => from + i)
    : from >= to && from >= 1
      ? Array.from({ length: from - to + 1 }, (_, i) => from - i)
      : [];

const decided = (settings: Settings, over: Partial<Settings['decide']>): Settings => ({
  ...settings,
  decide: { ...settings.decide, ...over },
});

/** The same thresholds on every route. */
function routed(
  settings: Settings,
  over: { min_severity?: 'info' | 'warning' | 'critical'; min_confidence?: number },
): Settings {
  type Node = Settings['route'] & { readonly routes?: readonly Node[] };
  const set = (route: Node): Node =>
    ({ ...route, ...over, ...(route.routes === undefined ? {} : { routes: route.routes.map(set) }) }) as Node;
  return { ...settings, route: set(settings.route as Node) };
}

const surprise = (p: number): number => -Math.log10(Math.max(p, 1e-6));

/** The smallest x in (from, to] at which it turns, if it does at `to` and stays so from some x on; null when it does not. */
function search(from: number, to: number, turns: (x: number) => boolean): number | null {
  if (!(to > from) || !turns(to)) return null;
  let low = from;
  let high = to;
  for (let i = 0; i < HALVINGS && high - low > 1e-4 * Math.abs(to - from); i++) {
    const middle = (low + high) / 2;
    if (turns(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function ofP(
  tick: ServiceTick,
  s: number,
  side: 'below' | 'above',
  word: string,
  turns: (p: number) => boolean,
): Counterfactual {
  const exact = 10 ** -s;
  const rounded = side === 'below' ? floor(exact) : ceil(exact);
  // Shown is what was run, rounded to the side on which it still turns.
  const after = turns(rounded) ? rounded : exact;
  const text = `With a service p of ${plain(after)} or ${side === 'below' ? 'less' : 'more'} (it was ${plain(tick.p)}) it ${word}.`;
  return { what: 'service p', before: plain(tick.p), after: plain(after), text, verified: turns(after) };
}

function ofKey(
  key: string,
  before: string | number,
  after: string | number,
  word: string,
  head?: string,
): Counterfactual {
  const it = word.startsWith('would') ? `it ${word}` : word;
  return {
    what: key,
    before: String(before),
    after: String(after),
    text: `${head ?? `With ${key} ${after}`} (it was ${before}) ${it}.`,
    verified: true,
  };
}

const plain = (value: number): string => Number(value.toPrecision(3)).toString();
/** To three digits, down and up. */
const floor = (value: number): number => rounded(value, Math.floor);
const ceil = (value: number): number => rounded(value, Math.ceil);
function rounded(value: number, round: (x: number) => number): number {
  if (value === 0) return 0;
  const scale = 10 ** (2 - Math.floor(Math.log10(Math.abs(value))));
  return Number((round(value * scale) / scale).toPrecision(3));
}
