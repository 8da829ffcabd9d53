/** Log parsing accuracy as in loghub (Khan et al., ICSE 2022; Jiang et al., ISSTA 2024). All in 0..1. */
export interface GroupingScore {
  /** Share of lines whose predicted group is exactly the true one. */
  readonly ga: number;
  /** Share of lines whose template text is the true one. */
  readonly pa: number;
  /** F1 over groups. */
  readonly fga: number;
  /** F1 over groups that are right and carry the right text. */
  readonly fta: number;
}

/** Words that hold a parameter become `<*>`, neighbours merge: whole words are what the product masks. */
export function normaliseTemplate(text: string): string {
  return text
    .trim()
    .split(/\s+/)
    .map((word) => (word.includes('<*>') ? '<*>' : word))
    .filter((word, i, all) => word !== '<*>' || all[i - 1] !== '<*>')
    .join(' ');
}

/** Element i of each array is line i: predicted group and text, true group and text. */
export function scoreGrouping(
  predicted: ArrayLike<number>,
  predictedText: (group: number) => string,
  truth: readonly string[],
): GroupingScore {
  const lines = truth.length;
  const size = new Map<string, number>();
  for (const text of truth) size.set(text, (size.get(text) ?? 0) + 1);
  const groups = new Map<number, number[]>();
  for (let i = 0; i < lines; i++) {
    const group = groups.get(predicted[i]!);
    if (group === undefined) groups.set(predicted[i]!, [i]);
    else group.push(i);
  }
  let gaLines = 0;
  let paLines = 0;
  let rightGroups = 0;
  let rightTemplates = 0;
  for (const [id, members] of groups) {
    const own = truth[members[0]!]!;
    const pure = members.every((i) => truth[i] === own);
    const exact = pure && size.get(own) === members.length;
    const text = normaliseTemplate(predictedText(id));
    for (const i of members) if (normaliseTemplate(truth[i]!) === text) paLines++;
    if (!exact) continue;
    gaLines += members.length;
    rightGroups++;
    if (normaliseTemplate(own) === text) rightTemplates++;
  }
  const f1 = (right: number): number => (2 * right) / (groups.size + size.size);
  return { ga: gaLines / lines, pa: paLines / lines, fga: f1(rightGroups), fta: f1(rightTemplates) };
}
