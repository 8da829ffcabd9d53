/** How well groups of alerts follow the phases of an attack. */
export interface AlertGroupScore {
  /** B-cubed over the alerts of each phase, then the mean over phases. */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Mean number of groups that hold alerts of a phase: fragmentation, 1 is ideal. */
  readonly groupsPerPhase: number;
  /** Mean number of phases in a group that holds any: over-merge, 1 is ideal. */
  readonly phasesPerGroup: number;
  /** Alerts a group. */
  readonly compression: number;
}

/**
 * B-cubed (Bagga and Baldwin 1998): of an alert, precision is the share of its group that is of its phase, recall the share of
 * its phase that is in its group. Alerts of no phase are in the groups, and weigh on precision only.
 */
export function scoreAlertGroups(group: ArrayLike<number>, phase: readonly (string | null)[]): AlertGroupScore {
  const sizes = new Map<number, number>();
  const cells = new Map<string, Map<number, number>>();
  for (const [i, label] of phase.entries()) {
    const g = group[i]!;
    sizes.set(g, (sizes.get(g) ?? 0) + 1);
    if (label === null) continue;
    const row = cells.get(label) ?? new Map<number, number>();
    cells.set(label, row);
    row.set(g, (row.get(g) ?? 0) + 1);
  }
  let precision = 0;
  let recall = 0;
  let f1 = 0;
  let fragments = 0;
  const phasesOf = new Map<number, number>();
  for (const row of cells.values()) {
    const total = [...row.values()].reduce((sum, n) => sum + n, 0);
    let p = 0;
    let r = 0;
    for (const [g, n] of row) {
      p += (n * n) / sizes.get(g)!;
      r += (n * n) / total;
      phasesOf.set(g, (phasesOf.get(g) ?? 0) + 1);
    }
    precision += p / total;
    recall += r / total;
    f1 += (2 * (p / total) * (r / total)) / (p / total + r / total);
    fragments += row.size;
  }
  const phases = cells.size;
  const merged = [...phasesOf.values()];
  return {
    precision: precision / phases,
    recall: recall / phases,
    f1: f1 / phases,
    groupsPerPhase: fragments / phases,
    phasesPerGroup: merged.reduce((sum, n) => sum + n, 0) / merged.length,
    compression: phase.length / sizes.size,
  };
}
