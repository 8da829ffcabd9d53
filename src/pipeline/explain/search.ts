/** What a search for changes may cost, and what it did not get to. */
export interface Search {
  /** Asked between two runs: true when there is to be no other one. */
  readonly spent: () => boolean;
  /** Changes that were not tried, in words. */
  readonly unsearched: string[];
}

/** CPU time; what is found by then is answered. */
export const SEARCH_BUDGET_MS = 3_000;
/** On a busy machine the CPU time comes slowly: nobody waits longer than this many times the budget. */
const LONGEST = 2;

/** Behind a change that does turn the outcome, while a smaller one was not ruled out. */
export const NOT_NARROWED = '; a smaller change may be enough, the search ended here';

/** @param budget ms of CPU time of this thread, counted from now. */
export function startSearch(budget: number): Search {
  const cpu = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  const cpuBefore = cpu();
  const wallBefore = performance.now();
  return {
    spent: () => performance.now() - wallBefore >= LONGEST * budget || cpu() - cpuBefore >= budget,
    unsearched: [],
  };
}
