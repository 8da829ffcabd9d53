import { describe, expect, test } from 'vitest';
import { createGroupTiming, type GroupRules } from './group-timing.ts';

const S = 1_000;
const M = 60 * S;
const rules = (over: Partial<GroupRules> = {}): GroupRules => ({
  groupWait: 30 * S,
  groupInterval: 5 * M,
  repeatInterval: 60 * M,
  mutedAt: () => null,
  ...over,
});
const T0 = 1_700_000_000_000;

/** Runs every second of virtual time and writes down what went out when. */
function world(given: GroupRules = rules()) {
  const timing = createGroupTiming();
  const log: string[] = [];
  let now = T0;
  return {
    timing,
    log,
    put: (id: string, state = 'opened', startsAt = now) =>
      timing.put('g', '0', 'r', { id, state, firing: true, startsAt }, given, now),
    resolve: (id: string) => timing.resolve(id, now),
    runTo(seconds: number) {
      for (; now <= T0 + seconds * S; now += S) {
        const { flushes, muted } = timing.run(() => given, now);
        const at = (now - T0) / S;
        for (const f of flushes)
          log.push(
            `${at} ${f.changed.map((m) => `${m.id}${m.firing ? '' : ' resolved'}`).join(',')}${f.repeated.length > 0 ? `again ${f.repeated.map((m) => m.id).join(',')}` : ''}`,
          );
        for (const m of muted) log.push(`${at} muted ${m.reason}`);
      }
    },
  };
}

describe('as Alertmanager times its groups', () => {
  test('group_wait gathers, group_interval gathers what follows, repeat_interval repeats', () => {
    const w = world();
    w.put('a');
    w.runTo(10);
    w.put('b');
    w.runTo(60);
    w.put('c');
    w.runTo(2 * 3_600);
    // Looked at every 5 minutes from 30 s on; a repetition is due more than an hour after 330 s.
    expect(w.log).toEqual(['30 a,b', '330 c', '4230 again a,b,c']);
  });

  test('what fired for longer than group_wait is told at once', () => {
    const w = world();
    w.put('a', 'opened', T0 - M);
    w.runTo(5);
    expect(w.log).toEqual(['0 a']);
  });

  test('what resolves before group_wait is over is never told', () => {
    const w = world();
    w.put('a');
    w.runTo(10);
    w.resolve('a');
    w.runTo(3_600);
    expect(w.log).toEqual([]);
    expect(w.timing.save().groups).toEqual([]);
  });

  test('a resolution waits for group_interval, and empties the group', () => {
    const w = world();
    w.put('a');
    w.runTo(40);
    w.resolve('a');
    w.runTo(1_000);
    expect(w.log).toEqual(['30 a', '330 a resolved']);
    w.put('a', 'reopened');
    w.runTo(1_100);
    expect(w.log.at(-1)).toBe('1031 a');
  });

  test('another state of a member is another alert', () => {
    const w = world();
    w.put('a', 'warning');
    w.runTo(40);
    w.put('a', 'critical');
    w.runTo(400);
    expect(w.log).toEqual(['30 a', '330 a']);
  });

  test('without waits everything goes out in the step that brought it', () => {
    const w = world(rules({ groupWait: 0, groupInterval: 0 }));
    w.put('a');
    w.runTo(3);
    w.put('b');
    w.runTo(6);
    w.resolve('a');
    w.runTo(9);
    expect(w.log).toEqual(['0 a', '4 b', '7 a resolved']);
  });
});

test('a mute holds back and loses nothing', () => {
  const w = world(
    rules({
      groupWait: 0,
      groupInterval: M,
      mutedAt: (at) => (at >= T0 + 100 * S && at < T0 + 400 * S ? 'weekend' : null),
    }),
  );
  w.put('a');
  w.runTo(50);
  w.runTo(110);
  w.put('b');
  w.resolve('a');
  w.runTo(600);
  expect(w.log).toEqual([
    '0 a',
    '120 muted weekend',
    '180 muted weekend',
    '240 muted weekend',
    '300 muted weekend',
    '360 muted weekend',
    '420 a resolved,b',
  ]);
});

test('saved and restored in the middle it goes on the same', () => {
  const w = world();
  w.put('a');
  w.runTo(20);
  const again = createGroupTiming();
  again.restore(JSON.parse(JSON.stringify(w.timing.save())));
  expect(again.run(() => rules(), T0 + 29 * S).flushes).toEqual([]);
  expect(again.run(() => rules(), T0 + 30 * S).flushes.map((f) => f.changed.map((m) => m.id))).toEqual([['a']]);
  expect([again.toldTo('r'), again.receiversOf('a')]).toEqual([['a'], ['r']]);
  again.forget(() => false);
  expect(again.save().groups).toEqual([]);
});

test('with other labels a member moves to another group; its end is told even before that group was', () => {
  const timing = createGroupTiming();
  const member = { id: 'a', state: 'opened/warning', firing: true, startsAt: T0 };
  timing.put('warning', '0', 'r', member, rules({ groupWait: 0 }), T0);
  expect(timing.run(() => rules(), T0).flushes).toHaveLength(1);
  timing.put('critical', '0', 'r', { ...member, state: 'escalated/critical' }, rules(), T0 + S);
  expect(timing.save().groups.map((g) => g.group)).toEqual(['critical']);
  timing.resolve('a', T0 + 2 * S);
  const { flushes } = timing.run(() => rules(), T0 + M);
  expect(flushes.map((f) => f.changed.map((m) => [m.id, m.firing]))).toEqual([[['a', false]]]);
});
