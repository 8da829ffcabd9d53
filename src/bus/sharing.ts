import { HASH_SEED_A, HASH_SEED_B, hashText } from '../stats/hash.ts';

/**
 * Which member has each partition: the one whose name and the partition's number hash highest, among those that have not got
 * their share yet (rendezvous hashing with a bound). The same for whoever works it out, even to within one partition, and when a
 * member comes or goes little more than its own share changes hands: a partition that moves is a state that is restored.
 */
export function shareOut(partitions: number, members: readonly string[]): string[] {
  const pair = new Int32Array(2);
  const most = Math.ceil(partitions / members.length);
  const names = members.toSorted();
  const given = new Map<string, number>(names.map((name) => [name, 0]));
  const score = (name: string, partition: number): number => {
    hashText(`${name}#${partition}`, HASH_SEED_A, HASH_SEED_B, pair, 0);
    return pair[0]! >>> 0;
  };
  return Array.from({ length: partitions }, (_, partition) => {
    let best = '';
    let highest = -1;
    for (const name of names) {
      if (given.get(name)! >= most) continue;
      const value = score(name, partition);
      if (value > highest) {
        highest = value;
        best = name;
      }
    }
    given.set(best, given.get(best)! + 1);
    return best;
  });
}
