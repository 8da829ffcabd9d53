import { ROW_SLOTS, type RowDetector, type StateBlob } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';
import { defaultsOf } from '../domain/options.ts';
import { type EpochMs, HOUR } from '../domain/units.ts';
import { SlowTails } from './calibrate/slow-tails.ts';
import { createLearnGate, LEARN_GATE_OPTIONS } from './combine/learn-gate.ts';

/** What the detectors of service rows say together about one row. */
export interface RowVerdict {
  /** Calibrated against the service's own history. */
  readonly p: number;
  /** -log10 p of each detector by itself, 0 while not ready; valid until the next row. */
  readonly surprises: Float64Array;
}

export interface RowFusion {
  readonly names: readonly string[];
  /** Null while no detector is ready. `frozen`: the service is in trouble for other reasons, nothing is learnt. */
  observe(service: number, row: Float64Array, at: EpochMs, frozen: boolean): RowVerdict | null;
  /** Share of each signal in the strangeness of the row that `observe` saw last; sums to 1, or all 0. */
  blame(service: number, row: Float64Array): Float64Array;
  reset(service: number): void;
  save(): Record<string, StateBlob>;
  /** A detector that the state does not know starts cold. */
  restore(parts: Readonly<Record<string, StateBlob>>): void;
}

/** Rows until which the calibration says nothing. */
const WARM_UP = 120;
/** Rows after which a score counts half in the history: weeks of minutes, days of ten seconds. */
const HALF_LIFE = 40_000;
/** Incidents of services last hours: so long, at most, a strange service is not learnt. */
const GATE = { ...defaultsOf(LEARN_GATE_OPTIONS), freezeFor: 4 * HOUR, freezeSamples: 1440 };

/**
 * Detectors over service rows as one: each is calibrated against its own history of weeks (`calibrate/slow-tails`), the
 * weighted mean of -log10 p over those that are ready is calibrated again. Strange rows are not learnt.
 */
export function createRowFusion(
  detectors: readonly RowDetector[],
  weights: Readonly<Record<string, number>>,
): RowFusion {
  const names = detectors.map((detector) => detector.name);
  const weightOf = names.map((name) => weights[name] ?? 1);
  const tails = new SlowTails(HALF_LIFE);
  const again = new SlowTails(HALF_LIFE);
  const gate = createLearnGate(GATE);
  const surprises = new Float64Array(names.length);
  const blamed = new Float64Array(ROW_SLOTS);
  const one = new Float64Array(ROW_SLOTS);
  let rows = new Int32Array(0);

  function grow(service: number): void {
    if (service < rows.length) return;
    const n = Math.max(16, 2 * (service + 1));
    const larger = new Int32Array(n);
    larger.set(rows);
    rows = larger;
    gate.grow(n);
  }

  /** Weighted mean surprise over the detectors that are ready, -1 without any. */
  function judge(service: number, row: Float64Array, learns: boolean): number {
    let sum = 0;
    let whole = 0;
    for (const [d, detector] of detectors.entries()) {
      const score = detector.score(service, row);
      surprises[d] = 0;
      if (Number.isNaN(score)) continue;
      surprises[d] = tails.surprise(service * names.length + d, score);
      if (learns) tails.learn(service * names.length + d, score);
      sum += weightOf[d]! * surprises[d]!;
      whole += weightOf[d]!;
    }
    return whole > 0 ? sum / whole : -1;
  }

  return {
    names,
    observe(service, row, at, frozen) {
      grow(service);
      const mode = frozen ? 0 : gate.modeOf(service);
      const mean = judge(service, row, mode !== 0);
      // One detector is calibrated already; the mean of several, which depend on each other, is not.
      const surprise = mean < 0 ? 0 : names.length === 1 ? mean : again.surprise(service, scoreOf(mean));
      if (mean >= 0 && mode !== 0) again.learn(service, scoreOf(mean));
      if (mean >= 0 && rows[service]! < WARM_UP) rows[service] = rows[service]! + 1;
      const warm = rows[service]! >= WARM_UP;
      if (!frozen) gate.update(service, at, warm ? surprise : 0);
      if (mode !== 0) for (const detector of detectors) detector.learn(service, row);
      return warm ? { p: 10 ** -surprise, surprises } : null;
    },
    blame(service, row) {
      blamed.fill(0);
      let whole = 0;
      for (const [d, detector] of detectors.entries()) {
        const weight = weightOf[d]! * surprises[d]!;
        if (weight <= 0) continue;
        detector.blame(service, row, one);
        let sum = 0;
        for (const x of one) sum += x;
        if (sum <= 0) continue;
        whole += weight;
        for (let slot = 0; slot < ROW_SLOTS; slot++) blamed[slot] = blamed[slot]! + (weight * one[slot]!) / sum;
      }
      if (whole > 0) for (let slot = 0; slot < ROW_SLOTS; slot++) blamed[slot] = blamed[slot]! / whole;
      return blamed;
    },
    reset(service) {
      if (service >= rows.length) return;
      rows[service] = 0;
      for (let d = 0; d < names.length; d++) tails.clear(service * names.length + d);
      gate.reset(service);
      again.clear(service);
      for (const detector of detectors) detector.reset(service);
    },
    save() {
      // Without the room to grow, which depends on restarts.
      const used = rows.findLastIndex((count) => count !== 0) + 1;
      const own: StateBlob = { version: 1, arrays: { rows: rows.slice(0, used) }, meta: names };
      const saved: Record<string, StateBlob> = {
        'rows.own': own,
        'rows.tails': tails.save(),
        'rows.gate': gate.save(),
        'rows.again': again.save(),
      };
      for (const detector of detectors) saved[`rows.${detector.name}`] = detector.save();
      return saved;
    },
    restore(parts) {
      const own = parts['rows.own'];
      // Snapshots of before there were service rows, or of other detectors: everything starts cold.
      if (own === undefined || JSON.stringify(own.meta) !== JSON.stringify(names)) return;
      if (own.version !== 1) throw new TocsinError('state_version', `row fusion state version ${own.version}`);
      const saved = own.arrays['rows'] as Int32Array;
      if (saved.length > 0) grow(saved.length - 1);
      rows.set(saved);
      tails.restore(parts['rows.tails']!);
      gate.restore(parts['rows.gate']!);
      again.restore(parts['rows.again']!);
      for (const detector of detectors) detector.restore(parts[`rows.${detector.name}`]!);
    },
  };
}

/** -log10 p in the range of `SlowTails`, whose bins are of the logarithm: 1/16 of a unit a bin. */
function scoreOf(surprise: number): number {
  return 2 ** (Math.min(8, surprise) - 3);
}
