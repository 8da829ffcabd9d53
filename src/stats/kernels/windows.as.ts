/**
 * The windows of every series, one sample at a time: see src/features/window, whose tests are its slow twin. State is one hot
 * row a series, which every sample touches, and one cold row, which it touches once a minute; arithmetic is done in
 * 64 bits and kept in 32. Rows of windows that ended are written as columns, `room` rows each.
 * Built by scripts/build-kernels.ts into windows-wasm.ts.
 */

const BASE_MS: f64 = 10_000;
/** Base windows in a minute, in five, in an hour. */
const MINUTE: i32 = 6;
const FIVE: i32 = 30;
const HOUR: i32 = 360;

/** Bytes of the rows and places in them, as in levels.ts. */
const HOT: u32 = 72;
const PANE: u32 = 8;
const LAST: u32 = 12;
const EXPECTED: u32 = 16;
const LOWER: u32 = 20;
const UPPER: u32 = 24;
const SURPRISE: u32 = 28;
const STAT0: u32 = 32;
const STAT1: u32 = 52;
const COLD: u32 = 100;
const FIVE_NOW: u32 = 20;
const FIVE_BEFORE: u32 = 40;
const HOUR_NOW: u32 = 60;
const HOUR_BEFORE: u32 = 80;
const REBASE_RATIO: f64 = 1000;
const NEVER: i32 = i32.MAX_VALUE;

/** int32: series listed as open, rows written by the last call, samples dropped, series kept by `close` so far, oldest open window. */
const counts = memory.data(32, 16);
const OPEN: u32 = 0;
const WRITTEN: u32 = 4;
const DROPPED: u32 = 8;
const KEPT: u32 = 12;
const OLDEST: u32 = 16;

let seriesAt: u32 = 0;
let timeAt: u32 = 0;
let valueAt: u32 = 0;
/** Surprise, expected, lower and upper, `room` each. */
let scoresAt: u32 = 0;
let rowsAt: u32 = 0;
let room: u32 = 0;
let openAt: u32 = 0;
let hotAt: u32 = 0;
let coldAt: u32 = 0;

/** First byte that the caller may use. */
export function base(): u32 {
  return u32(__heap_base);
}

export function countsAt(): u32 {
  return u32(counts);
}

export function place(
  series: u32,
  time: u32,
  value: u32,
  scores: u32,
  rows: u32,
  samples: u32,
  open: u32,
  hot: u32,
  cold: u32,
): void {
  seriesAt = series;
  timeAt = time;
  valueAt = value;
  scoresAt = scores;
  rowsAt = rows;
  room = samples;
  openAt = open;
  hotAt = hot;
  coldAt = cold;
}

// @ts-expect-error: decorator
@inline
function get(at: u32, offset: u32): f64 {
  return f64(load<f32>(at + offset));
}

// @ts-expect-error: decorator
@inline
function put(at: u32, offset: u32, value: f64): void {
  store<f32>(at + offset, f32(value));
}

/** Count, mean, M2, minimum, maximum. */
// @ts-expect-error: decorator
@inline
function move(to: u32, from: u32): void {
  v128.store(to, v128.load(from));
  store<f32>(to, load<f32>(from, 16), 16);
}

/** Chan, Golub, LeVeque. */
function mergeTo(to: u32, from: u32): void {
  const n = get(from, 0);
  const count = get(to, 0);
  if (n === 0) return;
  if (count === 0) {
    move(to, from);
    return;
  }
  const mean = get(to, 4);
  const d = get(from, 4) - mean;
  const share = n / (count + n);
  put(to, 0, count + n);
  put(to, 4, mean + d * share);
  put(to, 8, get(to, 8) + get(from, 8) + d * d * count * share);
  if (load<f32>(from, 12) < load<f32>(to, 12)) store<f32>(to, load<f32>(from, 12), 12);
  if (load<f32>(from, 16) > load<f32>(to, 16)) store<f32>(to, load<f32>(from, 16), 16);
}

// @ts-expect-error: decorator
@inline
function addValue(at: u32, value: f64): void {
  const count = get(at, 0);
  put(at, 0, count + 1);
  if (count === 0) {
    put(at, 4, value);
    store<f32>(at, 0, 8);
    put(at, 12, value);
    put(at, 16, value);
    return;
  }
  const mean = get(at, 4);
  const off = value - mean;
  const next = mean + off / (count + 1);
  put(at, 4, next);
  put(at, 8, get(at, 8) + off * (value - next));
  if (value < get(at, 12)) put(at, 12, value);
  if (value > get(at, 16)) put(at, 16, value);
}

function shift(at: u32, by: f64): void {
  put(at, 4, get(at, 4) - by);
  put(at, 12, get(at, 12) - by);
  put(at, 16, get(at, 16) - by);
}

/** Moves a series on to another minute: what ended on the way becomes previous. */
function turn(hot: u32, cold: u32, from: i32, to: i32): void {
  mergeTo(cold + FIVE_NOW, hot + STAT1);
  move(cold, hot + STAT1);
  if (to / MINUTE - from / MINUTE !== 1) store<f32>(cold, 0);
  store<f32>(hot + STAT1, 0);
  let steps = to / FIVE - from / FIVE;
  if (steps === 0) return;
  mergeTo(cold + HOUR_NOW, cold + FIVE_NOW);
  move(cold + FIVE_BEFORE, cold + FIVE_NOW);
  if (steps !== 1) store<f32>(cold + FIVE_BEFORE, 0);
  store<f32>(cold + FIVE_NOW, 0);
  steps = to / HOUR - from / HOUR;
  if (steps === 0) return;
  move(cold + HOUR_BEFORE, cold + HOUR_NOW);
  if (steps !== 1) store<f32>(cold + HOUR_BEFORE, 0);
  store<f32>(cold + HOUR_NOW, 0);
  rebase(hot, cold);
}

/** Once an hour: keeps values near the base that they are relative to. */
function rebase(hot: u32, cold: u32): void {
  const count = get(cold + HOUR_BEFORE, 0);
  const mean = get(cold + HOUR_BEFORE, 4);
  if (count === 0 || !(abs(mean) > REBASE_RATIO * sqrt(get(cold + HOUR_BEFORE, 8) / count))) return;
  store<f64>(hot, load<f64>(hot) + mean);
  put(hot, LAST, get(hot, LAST) - mean);
  shift(hot + STAT0, mean);
  shift(hot + STAT1, mean);
  for (let at: u32 = 0; at < COLD; at += 20) shift(cold + at, mean);
}

/** Writes the base window under way of a series as row `i` and folds it into its minute; its count stays. */
function finish(s: u32, hot: u32, i: u32): f64 {
  const origin = load<f64>(hot);
  const n = abs(get(hot, STAT0));
  put(hot, STAT0, n);
  const wide = room * 8;
  let at = rowsAt + i * 8;
  store<f64>(at, f64(load<i32>(hot, PANE)) * BASE_MS);
  at += wide;
  store<f64>(at, n);
  at += wide;
  store<f64>(at, origin + get(hot, STAT0 + 4));
  at += wide;
  store<f64>(at, get(hot, STAT0 + 8) / n);
  at += wide;
  store<f64>(at, origin + get(hot, STAT0 + 12));
  at += wide;
  store<f64>(at, origin + get(hot, STAT0 + 16));
  at += wide;
  store<f64>(at, origin + get(hot, LAST));
  const narrow = room * 4;
  at = rowsAt + 7 * wide + i * 4;
  store<u32>(at, s);
  at += narrow;
  store<u32>(at, load<u32>(hot, EXPECTED));
  at += narrow;
  store<u32>(at, load<u32>(hot, LOWER));
  at += narrow;
  store<u32>(at, load<u32>(hot, UPPER));
  at += narrow;
  store<u32>(at, load<u32>(hot, SURPRISE));
  mergeTo(hot + STAT1, hot + STAT0);
  return n;
}

/** Adds samples [0, n), each series at most once; writes the base windows that end because their series goes on. */
export function observe(n: u32): void {
  let written: u32 = 0;
  let open = load<u32>(counts, OPEN);
  let oldest = load<i32>(counts, OLDEST);
  let dropped = load<u32>(counts, DROPPED);
  const narrow = room * 4;
  for (let i: u32 = 0; i < n; i++) {
    const v = load<f64>(valueAt + i * 8);
    if (!(v - v === 0)) {
      dropped++;
      continue;
    }
    const s = load<u32>(seriesAt + i * 4);
    const hot = hotAt + s * HOT;
    const pane = i32(load<f64>(timeAt + i * 8) / BASE_MS);
    const before = load<i32>(hot, PANE);
    const score = scoresAt + i * 4;
    const strange = load<f32>(score);
    let count = load<f32>(hot, STAT0);
    if (count > 0 && pane !== before) {
      finish(s, hot, written++);
      count = 0;
    }
    if (count <= 0) {
      if (before === 0) store<f64>(hot, v);
      else if (pane / MINUTE !== before / MINUTE) turn(hot, coldAt + s * COLD, before, pane);
      store<i32>(hot, pane, PANE);
      store<f32>(hot, 0, STAT0);
      store<f32>(hot, strange, SURPRISE);
      // Not listed yet, or taken off the list by `close`, which leaves less than 0.
      if (before === 0 || count < 0) store<u32>(openAt + open++ * 4, s);
      if (pane < oldest) oldest = pane;
    } else if (strange > load<f32>(hot, SURPRISE)) store<f32>(hot, strange, SURPRISE);
    const x = v - load<f64>(hot);
    put(hot, LAST, x);
    store<u32>(hot, load<u32>(score + narrow), EXPECTED);
    store<u32>(hot, load<u32>(score + 2 * narrow), LOWER);
    store<u32>(hot, load<u32>(score + 3 * narrow), UPPER);
    addValue(hot + STAT0, x);
  }
  store<u32>(counts, open, OPEN);
  store<u32>(counts, written, WRITTEN);
  store<u32>(counts, dropped, DROPPED);
  store<i32>(counts, oldest, OLDEST);
}

/**
 * Goes on closing base windows before number `first` from place `from` of the list of open ones (0 to begin), until
 * the columns are full. Gives the place to go on from; the list is done when that is the number of open ones.
 */
export function close(first: i32, from: u32): u32 {
  const open = load<u32>(counts, OPEN);
  let written: u32 = 0;
  if (from === 0) {
    store<u32>(counts, 0, KEPT);
    if (first <= load<i32>(counts, OLDEST)) {
      store<u32>(counts, open, KEPT);
      store<u32>(counts, 0, WRITTEN);
      return open;
    }
    store<i32>(counts, NEVER, OLDEST);
  }
  let kept = load<u32>(counts, KEPT);
  let oldest = load<i32>(counts, OLDEST);
  let k = from;
  for (; k < open && written < room; k++) {
    const s = load<u32>(openAt + k * 4);
    const hot = hotAt + s * HOT;
    // Listed, but reset or given out since (and perhaps listed again).
    if (load<f32>(hot, STAT0) <= 0) continue;
    const pane = load<i32>(hot, PANE);
    if (pane >= first) {
      store<u32>(openAt + kept++ * 4, s);
      if (pane < oldest) oldest = pane;
    } else put(hot, STAT0, -finish(s, hot, written++));
  }
  store<u32>(counts, kept, KEPT);
  store<u32>(counts, written, WRITTEN);
  store<i32>(counts, oldest, OLDEST);
  return k;
}
