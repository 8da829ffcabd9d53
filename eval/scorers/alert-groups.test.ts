import { expect, test } from 'vitest';
import { scoreAlertGroups } from './alert-groups.ts';

test('one group a phase is perfect', () => {
  expect(scoreAlertGroups([1, 1, 2, 2], ['a', 'a', 'b', 'b'])).toEqual({
    precision: 1,
    recall: 1,
    f1: 1,
    groupsPerPhase: 1,
    phasesPerGroup: 1,
    compression: 2,
  });
});

test('one group an alert has full precision and falls to pieces', () => {
  const score = scoreAlertGroups([1, 2, 3, 4], ['a', 'a', 'b', 'b']);
  expect(score).toMatchObject({ precision: 1, recall: 0.5, groupsPerPhase: 2, phasesPerGroup: 1, compression: 1 });
});

test('everything in one group has full recall; alerts of no phase weigh on precision', () => {
  const score = scoreAlertGroups([1, 1, 1, 1], ['a', 'a', 'b', null]);
  expect(score).toMatchObject({
    precision: (0.5 + 0.25) / 2,
    recall: 1,
    groupsPerPhase: 1,
    phasesPerGroup: 2,
    compression: 4,
  });
});
