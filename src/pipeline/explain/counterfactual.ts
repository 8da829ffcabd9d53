import type { ServiceTick } from '../../domain/anomaly.ts';
import type { Counterfactual } from '../../domain/replay/backtest.ts';
import type { JournalCommand } from '../../domain/replay/journal.ts';
import { Side } from '../backtest/side.ts';
import type { Settings } from '../settings.ts';
import type { Frozen, Outcome } from './explain.ts';
import { NOT_NARROWED, type Search } from './search.ts';

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

/** One kind of change, to be looked for when its turn comes. */
interface Try {
  readonly what: string;
  readonly find: () => Counterfactual | null;
}

/**
 * Smallest changes that turn what became of a moment, each found and confirmed by running the correlator's own stages again from
 * the state of then: what would have opened it, told somebody of it, or not. In the order in which they are the most use; those
 * that the search has nothing left for are named there.
 */
export function smallestChanges(found: Outcome, service: string, search: Search): Counterfactual[] {
  const { moment, incident, told } = found;
  const again = (variation: Variation, follow: boolean): Rerun => rerun(moment, service, variation, follow);
  const tries =
    incident === null
      ? toOpen(moment, search, (variation) => again(variation, false).opened)
      : told.length === 0
        ? toTell(found, (variation) => again(variation, true).told)
        : [
            ...toKeepShut(moment, search, (variation) => !again(variation, false).opened),
            ...toKeepQuiet(found, (variation) => !again(variation, true).told),
          ];
  const changes: Counterfactual[] = [];
  for (const { what, find } of tries) {
    if (changes.length === MOST) break;
    if (search.spent()) search.unsearched.push(what);
    else {
      const change = find();
      if (change !== null) changes.push(change);
    }
  }
  return changes;
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
function toOpen(moment: Frozen, search: Search, turns: Turns): Try[] {
  const { tick, settings } = moment;
  const word = 'would have alerted';
  const learnt = (): Counterfactual | null =>
    turns({ tick: { ...tick, learning: false } })
      ? {
          what: 'learning',
          before: 'yes',
          after: 'no',
          text: 'Once the service was learnt it would have alerted.',
          verified: true,
        }
      : null;
  const deviation = settings.decide.minRelativeDeviation;
  const smaller = (): Counterfactual | null => {
    const share = narrow(search, -deviation, 0, (d) =>
      turns({ settings: decided(settings, { minRelativeDeviation: -d }) }),
    );
    if (share === null) return null;
    const after = Math.max(0, floor(-share.x));
    return turns({ settings: decided(settings, { minRelativeDeviation: after }) })
      ? hedged(share, ofKey('decide.min_relative_deviation', deviation, after, word))
      : null;
  };
  return [
    ...(tick.learning === true ? [{ what: 'learning', find: learnt }] : []),
    {
      what: 'service p',
      find: () => {
        const s = narrow(search, surprise(tick.p), 6, (x) => turns({ tick: { ...tick, p: 10 ** -x } }));
        return s === null ? null : ofP(tick, s.x, s, 'below', word, (p) => turns({ tick: { ...tick, p } }));
      },
    },
    ...ofDecide(settings, search, turns, word, 'up'),
    ...(deviation > 0 ? [{ what: 'decide.min_relative_deviation', find: smaller }] : []),
  ];
}

/** What would have kept it from opening. */
function toKeepShut(moment: Frozen, search: Search, turns: Turns): Try[] {
  const { tick, settings } = moment;
  const word = 'would not have alerted';
  return [
    {
      what: 'service p',
      find: () => {
        const s = narrow(search, -surprise(tick.p), 0, (minus) => turns({ tick: { ...tick, p: 10 ** minus } }));
        return s === null ? null : ofP(tick, -s.x, s, 'above', word, (p) => turns({ tick: { ...tick, p } }));
      },
    },
    ...ofDecide(settings, search, turns, word, 'down'),
  ];
}

/** What would have told somebody. */
function toTell({ moment, incident, records }: Outcome, turns: Turns): Try[] {
  const { settings, standing } = moment;
  const word = 'somebody would have been told';
  const tries: Try[] = [];
  for (const [method, what] of [
    ['setSilences', 'silence'],
    ['setMaintenance', 'maintenance'],
  ] as const)
    if (records.some(({ stage, outcome }) => stage === what && outcome === 'suppressed'))
      tries.push({ what, find: () => without(method, what) });

  function without(method: 'setSilences' | 'setMaintenance', what: string): Counterfactual | null {
    const items = (standing.find((command) => command.method === method)?.args[0] ?? []) as readonly { id: string }[];
    const rest = (ids: ReadonlySet<string>): readonly JournalCommand[] =>
      standing.map((command) =>
        command.method === method ? { method, args: [items.filter(({ id }) => !ids.has(id))] } : command,
      );
    const one = items.find(({ id }) => turns({ standing: rest(new Set([id])) }));
    if (one !== undefined)
      return {
        what: `${what} ${one.id}`,
        before: 'in force',
        after: 'not there',
        text: `Without ${what} ${one.id} ${word}.`,
        verified: true,
      };
    return turns({ standing: rest(new Set(items.map(({ id }) => id))) })
      ? {
          what: `${what}s`,
          before: `${items.length} in force`,
          after: 'none',
          text: `Without any ${what} ${word}; no single one is enough.`,
          verified: true,
        }
      : null;
  }

  const confidence = floor(incident!.confidence);
  return [
    ...tries,
    {
      what: 'route.min_severity',
      find: () => {
        const severity = (['warning', 'info'] as const).find((one) =>
          turns({ settings: routed(settings, { min_severity: one }) }),
        );
        return severity === undefined
          ? null
          : ofKey('route.min_severity', String(settings.route.min_severity ?? 'info'), severity, word);
      },
    },
    {
      what: 'route.min_confidence',
      find: () =>
        turns({ settings: routed(settings, { min_confidence: confidence }) })
          ? ofKey('route.min_confidence', settings.route.min_confidence ?? 0, confidence, word)
          : null,
    },
    ...(settings.inhibit_rules.length === 0
      ? []
      : [
          {
            what: 'inhibit_rules',
            find: () =>
              turns({ settings: { ...settings, inhibit_rules: [] } })
                ? ofKey('inhibit_rules', settings.inhibit_rules.length, 0, word)
                : null,
          },
        ]),
  ];
}

/** What would have told nobody. */
function toKeepQuiet({ incident, moment }: Outcome, turns: Turns): Try[] {
  const { settings } = moment;
  const what = 'route.min_confidence';
  const confidence = Math.min(1, ceil(incident!.confidence + 1e-9));
  if (incident!.confidence >= 1) return [];
  const find = (): Counterfactual | null =>
    turns({ settings: routed(settings, { min_confidence: confidence }) })
      ? ofKey(what, settings.route.min_confidence ?? 0, confidence, 'nobody would have been told')
      : null;
  return [{ what, find }];
}

/** Persistence (a few runs) and page budget. */
function ofDecide(settings: Settings, search: Search, turns: Turns, word: string, direction: 'up' | 'down'): Try[] {
  const { pageBudget, needed, window } = settings.decide;
  const sign = direction === 'up' ? 1 : -1;
  const end = direction === 'up' ? Math.log(1_000) : -Math.log(0.001);
  const budget = (): Counterfactual | null => {
    const found = narrow(search, sign * Math.log(pageBudget), end, (log) =>
      turns({ settings: decided(settings, { pageBudget: Math.exp(sign * log) }) }),
    );
    if (found === null) return null;
    const exact = Math.exp(sign * found.x);
    const after = direction === 'up' ? ceil(exact) : floor(exact);
    if (!turns({ settings: decided(settings, { pageBudget: after }) })) return null;
    const head = `At a budget of ${after} false incidents a service and week`;
    return hedged(found, ofKey('decide.page_budget', pageBudget, after, word, head));
  };
  const persistence = (): Counterfactual | null => {
    const counts = direction === 'up' ? range(needed - 1, 1) : range(needed + 1, Math.max(window, 10));
    const n = counts.find((count) =>
      turns({ settings: decided(settings, { needed: count, window: Math.max(count, window) }) }),
    );
    return n === undefined
      ? null
      : ofKey('decide.needed', needed, n, word, `With ${n} strange ticks needed instead of ${needed}`);
  };
  return [
    { what: 'decide.page_budget', find: budget },
    { what: 'decide.needed', find: persistence },
  ];
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

interface Found {
  readonly x: number;
  /** False: the search was spent before smaller ones were ruled out. */
  readonly narrowed: boolean;
}

/** The smallest x in (from, to] at which it turns, if it does at `to` and stays so from some x on; null when it does not. */
function narrow(search: Search, from: number, to: number, turns: (x: number) => boolean): Found | null {
  if (!(to > from) || !turns(to)) return null;
  let low = from;
  let high = to;
  for (let i = 0; i < HALVINGS && high - low > 1e-4 * Math.abs(to - from); i++) {
    if (search.spent()) return { x: high, narrowed: false };
    const middle = (low + high) / 2;
    if (turns(middle)) high = middle;
    else low = middle;
  }
  return { x: high, narrowed: true };
}

const hedged = ({ narrowed }: Found, change: Counterfactual): Counterfactual =>
  narrowed ? change : { ...change, text: change.text.replace(/\.$/, `${NOT_NARROWED}.`) };

function ofP(
  tick: ServiceTick,
  s: number,
  found: Found,
  side: 'below' | 'above',
  word: string,
  turns: (p: number) => boolean,
): Counterfactual {
  const exact = 10 ** -s;
  const rounded = side === 'below' ? floor(exact) : ceil(exact);
  // Shown is what was run, rounded to the side on which it still turns.
  const after = turns(rounded) ? rounded : exact;
  const text = `With a service p of ${plain(after)} or ${side === 'below' ? 'less' : 'more'} (it was ${plain(tick.p)}) it ${word}.`;
  const change = { what: 'service p', before: plain(tick.p), after: plain(after), text, verified: turns(after) };
  return hedged(found, change);
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
