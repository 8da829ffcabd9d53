/** Probability of starting again at a strange service instead of following a call. */
const RESTART = 0.15;
const ROUNDS = 40;

/**
 * Random walk with restart from callers to strange callees (methods page 7): where blame collects. `links[i]` are the
 * strange callees of service i, `strength` how strange each is, `own` how much of that is its own doing (a reason to
 * stay). Returns visit probabilities; power iteration, so the order of services does not matter.
 */
export function walk(
  links: readonly (readonly number[])[],
  strength: readonly number[],
  own: readonly number[],
): number[] {
  const n = links.length;
  const total = strength.reduce((sum, s) => sum + s, 0);
  const start = strength.map((s) => s / total);
  let now = start.slice();
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = start.map((p) => p * RESTART);
    for (let i = 0; i < n; i += 1) {
      const out = links[i] ?? [];
      const here = now[i] ?? 0;
      const stay = out.length === 0 ? 1 : 0.05 + (own[i] ?? 0);
      const sum = out.reduce((s, j) => s + (strength[j] ?? 0), stay);
      next[i] = (next[i] ?? 0) + ((1 - RESTART) * here * stay) / sum;
      for (const j of out) next[j] = (next[j] ?? 0) + ((1 - RESTART) * here * (strength[j] ?? 0)) / sum;
    }
    now = next;
  }
  return now;
}
