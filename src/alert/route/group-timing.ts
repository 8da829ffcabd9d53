import type { DurationMs, EpochMs } from '../../domain/units.ts';

/** How a route times its groups; `mutedAt` says why nothing may be sent now. */
export interface GroupRules {
  readonly groupWait: DurationMs;
  readonly groupInterval: DurationMs;
  readonly repeatInterval: DurationMs;
  readonly mutedAt: (at: EpochMs) => string | null;
}

export interface GroupMember {
  readonly id: string;
  /** What counts as another alert when it changes: severity, reopening. */
  readonly state: string;
  readonly firing: boolean;
  readonly startsAt: EpochMs;
}

/** What one group tells its receiver now: new or changed members, and all that fire when it is a repetition. */
export interface Flush {
  readonly group: string;
  readonly route: string;
  readonly receiver: string;
  /** When the group began; with `group` it names this life of it. */
  readonly since: EpochMs;
  readonly changed: readonly GroupMember[];
  readonly repeated: readonly GroupMember[];
  /** All that fire, and what has ended since the last time. */
  readonly members: readonly GroupMember[];
}

export interface MutedGroup {
  readonly group: string;
  readonly reason: string;
  readonly members: readonly GroupMember[];
}

interface Group {
  readonly route: string;
  readonly receiver: string;
  readonly since: EpochMs;
  nextFlush: EpochMs;
  flushed: boolean;
  members: Map<string, GroupMember>;
  /** State under which each member was last told as firing. */
  told: Map<string, string>;
  toldAt: EpochMs;
}

export interface GroupTimingState {
  readonly version: 1;
  readonly groups: readonly {
    readonly group: string;
    readonly route: string;
    readonly receiver: string;
    readonly since?: EpochMs;
    readonly nextFlush: EpochMs;
    readonly flushed: boolean;
    readonly members: readonly GroupMember[];
    readonly told: readonly (readonly [string, string])[];
    readonly toldAt: EpochMs;
  }[];
}

export interface GroupTiming {
  /** @param urgent its group does not wait: it is told at the next run. */
  put(
    group: string,
    route: string,
    receiver: string,
    member: GroupMember,
    rules: GroupRules,
    now: EpochMs,
    urgent?: boolean,
  ): void;
  /** Ends a member in every group that has it. */
  resolve(id: string, now: EpochMs): void;
  /** Groups that are due, in the order in which they began. */
  run(
    rulesOf: (route: string) => GroupRules | null,
    now: EpochMs,
  ): { readonly flushes: readonly Flush[]; readonly muted: readonly MutedGroup[] };
  /** Ids of members that a receiver was told of and that still fire. */
  toldTo(receiver: string): readonly string[];
  /** Receivers that were told of a member and not yet of its end. */
  receiversOf(id: string): readonly string[];
  /** Groups in which a receiver was told of a member, as they stand. */
  groupsOf(id: string): readonly Omit<Flush, 'changed' | 'repeated'>[];
  /** Firing members that no receiver was told of yet: they wait, or are muted. */
  waiting(): readonly string[];
  forget(keep: (id: string) => boolean): void;
  save(): GroupTimingState;
  restore(state: GroupTimingState): void;
}

/**
 * Alertmanager's aggregation groups as a state machine over handed-in time: a new group waits `group_wait` (not if what it
 * holds has fired for longer than that), then looks every `group_interval` whether something is new, changed or resolved, and repeats
 * itself after `repeat_interval`. While muted nothing is sent and nothing is forgotten; what ended meanwhile is told afterwards.
 */
export function createGroupTiming(): GroupTiming {
  let groups = new Map<string, Group>();

  function flush(key: string, group: Group, rules: GroupRules, now: EpochMs): Flush | MutedGroup | null {
    const changed: GroupMember[] = [];
    for (const member of group.members.values()) {
      const told = group.told.get(member.id);
      if (member.firing ? told !== member.state : told !== undefined) changed.push(member);
    }
    const firing = [...group.members.values()].filter((member) => member.firing);
    const members = [...group.members.values()].filter((member) => member.firing || group.told.has(member.id));
    const repeat =
      changed.length === 0 && group.told.size > 0 && firing.length > 0 && now - group.toldAt > rules.repeatInterval;
    if (changed.length > 0 || repeat) {
      const reason = rules.mutedAt(now);
      if (reason !== null) return { group: key, reason, members: changed };
    }
    for (const member of group.members.values()) {
      if (member.firing) continue;
      group.members.delete(member.id);
      group.told.delete(member.id);
    }
    if (changed.length === 0 && !repeat) return null;
    for (const member of firing) group.told.set(member.id, member.state);
    group.toldAt = now;
    const { route, receiver, since } = group;
    return { group: key, route, receiver, since, changed, repeated: repeat ? firing : [], members };
  }

  /** A member is in one group of a receiver: with other labels it moves, and what the receiver was told goes with it. */
  function leave(id: string, receiver: string, into: string): string | undefined {
    let told: string | undefined;
    for (const [name, group] of groups) {
      if (name === into || group.receiver !== receiver || !group.members.delete(id)) continue;
      told = group.told.get(id) ?? told;
      group.told.delete(id);
      if (group.members.size === 0) groups.delete(name);
    }
    return told;
  }

  return {
    put(key, route, receiver, member, rules, now, urgent = false) {
      const name = `${receiver} ${key}`;
      let group = groups.get(name);
      if (group === undefined) {
        group = {
          route,
          receiver,
          since: now,
          nextFlush: now + rules.groupWait,
          flushed: false,
          members: new Map(),
          told: new Map(),
          toldAt: 0,
        };
        groups.set(name, group);
      }
      const told = leave(member.id, receiver, name);
      if (told !== undefined && !group.told.has(member.id)) group.told.set(member.id, told);
      group.members.set(member.id, member);
      if (!group.flushed && member.startsAt + rules.groupWait < now) group.nextFlush = Math.min(group.nextFlush, now);
      if (urgent) group.nextFlush = Math.min(group.nextFlush, now);
    },
    resolve(id) {
      for (const group of groups.values()) {
        const member = group.members.get(id);
        if (member?.firing === true) group.members.set(id, { ...member, firing: false });
      }
    },
    run(rulesOf, now) {
      const flushes: Flush[] = [];
      const muted: MutedGroup[] = [];
      for (const [name, group] of groups) {
        if (group.nextFlush > now) continue;
        const rules = rulesOf(group.route) ?? IMMEDIATE;
        const result = flush(name.slice(group.receiver.length + 1), group, rules, now);
        group.flushed = true;
        // From when it was due, not from when somebody looked: the rhythm must not drift by the length of a tick.
        const due = group.nextFlush + rules.groupInterval;
        group.nextFlush = due > now ? due : now + rules.groupInterval;
        if (result !== null && 'reason' in result) muted.push(result);
        else if (result !== null) flushes.push(result);
        if (group.members.size === 0) groups.delete(name);
      }
      return { flushes, muted };
    },
    toldTo: (receiver) => [
      ...new Set(
        [...groups.values()]
          .filter((group) => group.receiver === receiver)
          .flatMap((group) => [...group.told.keys()].filter((id) => group.members.get(id)?.firing === true)),
      ),
    ],
    receiversOf: (id) => [
      ...new Set([...groups.values()].filter((group) => group.told.has(id)).map((group) => group.receiver)),
    ],
    groupsOf: (id) =>
      [...groups].flatMap(([name, { route, receiver, since, members, told }]) =>
        told.has(id)
          ? [{ group: name.slice(receiver.length + 1), route, receiver, since, members: [...members.values()] }]
          : [],
      ),
    waiting() {
      const told = new Set([...groups.values()].flatMap((group) => [...group.told.keys()]));
      const ids = [...groups.values()].flatMap((group) => [...group.members.values()]);
      return [...new Set(ids.filter((member) => member.firing && !told.has(member.id)).map((member) => member.id))];
    },
    forget(keep) {
      for (const [name, group] of groups) {
        for (const id of group.members.keys())
          if (!keep(id)) {
            group.members.delete(id);
            group.told.delete(id);
          }
        if (group.members.size === 0) groups.delete(name);
      }
    },
    save: () => ({
      version: 1,
      groups: [...groups].map(([name, { members, told, ...rest }]) => ({
        group: name.slice(rest.receiver.length + 1),
        ...rest,
        members: [...members.values()],
        told: [...told],
      })),
    }),
    restore(state) {
      groups = new Map(
        state.groups.map(({ group, members, told, route, receiver, since = 0, ...rest }) => [
          `${receiver} ${group}`,
          {
            route,
            receiver,
            since,
            ...rest,
            members: new Map(members.map((member) => [member.id, member])),
            told: new Map(told),
          },
        ]),
      );
    },
  };
}

/** A route that the configuration no longer has: what is left in its groups goes out. */
const IMMEDIATE: GroupRules = {
  groupWait: 0,
  groupInterval: 0,
  repeatInterval: Number.POSITIVE_INFINITY,
  mutedAt: () => null,
};
