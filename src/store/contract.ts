import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert';
import type { Incident } from '../domain/incident.ts';
import type { ControlStore, CorrelatorCommit, Notification } from '../domain/ports.ts';

export interface ContractCheck {
  readonly name: string;
  readonly run: () => Promise<void>;
}

export const sampleIncident = (id: string, openedAt: number, over: Partial<Incident> = {}): Incident => ({
  id,
  tenant: 'default',
  version: 1,
  status: 'open',
  severity: 'critical',
  confidence: 0.9,
  score: 0.8,
  title: `incident ${id}`,
  summary: 'something is slow',
  onset: openedAt - 1_000,
  openedAt,
  updatedAt: openedAt,
  closedAt: null,
  reopenedCount: 0,
  services: ['checkout', 'payments'],
  anomalies: [],
  causes: [],
  evidence: [],
  contributions: [],
  deploys: [],
  traceIds: [],
  timeline: [{ at: openedAt, kind: 'opened', text: 'opened' }],
  acknowledgedBy: null,
  acknowledgedAt: null,
  verdict: null,
  ...over,
});

const commitOf = (over: Partial<CorrelatorCommit>): CorrelatorCommit => ({
  incidents: [],
  decisions: [],
  outbox: [],
  templates: [],
  deploys: [],
  traces: [],
  state: '{}',
  applied: {},
  ...over,
});

const notificationOf = (incident: Incident): Notification => ({
  reason: 'opened',
  incident,
  url: 'http://localhost/i/1',
  labels: { alertname: 'x' },
  annotations: {},
  groupKey: 'g',
  receiver: 'r',
});

/** What every control store must do; run on SQLite in the unit tests and on PostgreSQL in the cluster suite. */
export function controlStoreContract(open: () => Promise<ControlStore>): ContractCheck[] {
  const check = (name: string, body: (store: ControlStore) => Promise<void>): ContractCheck => ({
    name,
    run: async () => {
      const store = await open();
      try {
        await store.migrate();
        await body(store);
      } finally {
        await store.close();
      }
    },
  });

  return [
    check('migrating twice is harmless', async (store) => {
      await store.migrate();
      strictEqual(await store.correlatorState(), null);
    }),
    check('a commit is read back whole', async (store) => {
      const incident = sampleIncident('a', 1_000);
      const decision = {
        id: 'd1',
        at: 5,
        tenant: 'default',
        service: 'checkout',
        subject: 'a',
        stage: 'budget',
        outcome: 'passed',
        reason: 'ok',
        value: 1,
        limit: null,
        modelVersion: 'm',
        configHash: 'c',
      } as const;
      const span = {
        traceId: 't',
        spanId: 's',
        parentId: '',
        service: 'checkout',
        name: 'GET /',
        start: 1.5,
        durationMs: 2.25,
        error: true,
      };
      const template = {
        id: 'tpl',
        service: 'checkout',
        template: 'a <*> b',
        firstSeen: 9,
        severity: 17,
        example: 'a 1 b',
      };
      const deploy = { service: 'checkout', from: '1', to: '2', at: 7 };
      await store.commit(
        commitOf({
          incidents: [incident],
          decisions: [decision],
          traces: [span],
          templates: [template],
          deploys: [deploy],
          state: '{"x":1}',
          applied: { '0': 4, '1': 2 ** 40 },
        }),
      );
      deepStrictEqual(await store.incident('a'), incident);
      deepStrictEqual(await store.decisions({ service: 'checkout' }), [decision]);
      deepStrictEqual(await store.trace('t'), [span]);
      deepStrictEqual(await store.templates({ service: 'checkout' }), [template]);
      deepStrictEqual(await store.deploys({ from: 7, to: 8 }), [deploy]);
      deepStrictEqual(await store.correlatorState(), { state: '{"x":1}', applied: { '0': 4, '1': 2 ** 40 } });
    }),
    check('parts of the state are put back, and only those that changed are written', async (store) => {
      const first = {
        fresh: [
          ['1', 'one \u00012\u0001'],
          ['2', '"two"'],
        ] as const,
        gone: [],
        all: true,
      };
      await store.commit(commitOf({ state: '[\u00011\u0001,\u00012\u0001]', pieces: first }));
      deepStrictEqual((await store.correlatorState())?.state, '[one "two","two"]');
      const second = { fresh: [['3', 'three']] as const, gone: ['1'], all: false };
      for (let again = 0; again < 2; again++) {
        await store.commit(commitOf({ state: '[\u00013\u0001,\u00012\u0001]', pieces: second }));
        deepStrictEqual((await store.correlatorState())?.state, '[three,"two"]');
      }
      // Named without being there: nothing is made up.
      await store.commit(commitOf({ state: '[\u00011\u0001]', pieces: { fresh: [], gone: [], all: true } }));
      await rejects(store.correlatorState(), { code: 'corrupt' });
    }),
    check('the same commit twice changes nothing', async (store) => {
      const incident = sampleIncident('a', 1_000);
      const commit = commitOf({
        incidents: [incident],
        outbox: [{ id: 'o1', receiver: 'r', dedupKey: 'k', payload: notificationOf(incident), createdAt: 1 }],
      });
      await store.commit(commit);
      await store.settleOutbox('o1', { state: 'sent', at: 2, error: '', nextAttemptAt: 0 });
      await store.commit(commit);
      strictEqual((await store.dueOutbox(1e15, 10)).length, 0);
      strictEqual((await store.incidents({})).items.length, 1);
    }),
    check('a notification is due when it says, whatever its event time', async (store) => {
      const payload = notificationOf(sampleIncident('a', 1_000));
      const item = { id: 'early', receiver: 'r', dedupKey: 'k', payload, createdAt: 9_000, dueAt: 50 };
      await store.commit(commitOf({ outbox: [item] }));
      strictEqual((await store.dueOutbox(49, 10)).length, 0);
      deepStrictEqual(
        (await store.dueOutbox(50, 10)).map((o) => [o.id, o.createdAt]),
        [['early', 9_000]],
      );
    }),
    check('what a person did to an incident outlives the next commit', async (store) => {
      const incident = sampleIncident('a', 1_000);
      await store.commit(commitOf({ incidents: [incident] }));
      const verdict = {
        id: 'v',
        subject: 'incident',
        subjectId: 'a',
        kind: 'real',
        comment: '',
        by: 'ana',
        at: 1_500,
      } as const;
      await store.addVerdict(verdict);
      await store.saveIncident({
        ...incident,
        verdict,
        acknowledgedBy: 'ana',
        acknowledgedAt: 1_400,
        timeline: [...incident.timeline, { at: 1_500, kind: 'verdict', text: 'real, says ana' }],
      });
      await store.commit(
        commitOf({
          incidents: [
            {
              ...incident,
              version: 2,
              timeline: [...incident.timeline, { at: 2_000, kind: 'recovered', text: 'recovered' }],
            },
          ],
        }),
      );
      const read = await store.incident('a');
      deepStrictEqual(read?.verdict, verdict);
      strictEqual(read?.acknowledgedBy, 'ana');
      strictEqual(read?.version, 3);
      deepStrictEqual(
        read?.timeline.map((t) => t.kind),
        ['opened', 'verdict', 'recovered'],
      );
      deepStrictEqual(await store.verdicts({ subjectId: 'a' }), [verdict]);
    }),
    check('saving an unknown incident is an error', async (store) => {
      await rejects(store.saveIncident(sampleIncident('none', 1)), { code: 'not_found' });
    }),
    check('pages cover everything once, newest first', async (store) => {
      await store.commit(
        commitOf({
          incidents: Array.from({ length: 25 }, (_, i) =>
            sampleIncident(`i${String(i).padStart(2, '0')}`, 1_000 + (i % 5)),
          ),
        }),
      );
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.incidents({ limit: 4, ...(cursor === undefined ? {} : { cursor }) });
        seen.push(...page.items.map((i) => i.id));
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      strictEqual(new Set(seen).size, 25);
      strictEqual(seen.length, 25);
      await rejects(store.incidents({ cursor: '???' }), { code: 'invalid_request' });
    }),
    check('filters by service, status and time', async (store) => {
      await store.commit(
        commitOf({
          incidents: [
            sampleIncident('a', 1_000),
            sampleIncident('b', 5_000, { services: ['cart'], status: 'closed', closedAt: 6_000, updatedAt: 6_000 }),
          ],
        }),
      );
      const ids = async (filter: Parameters<ControlStore['incidents']>[0]) =>
        (await store.incidents(filter)).items.map((i) => i.id);
      deepStrictEqual(await ids({ service: 'cart' }), ['b']);
      deepStrictEqual(await ids({ status: 'open' }), ['a']);
      deepStrictEqual(await ids({ from: 2_000 }), ['b']);
      deepStrictEqual(await ids({ to: 2_000 }), ['a']);
    }),
    check('the outbox gives what is due, in order per incident, until it is settled', async (store) => {
      const item = (id: string, incident: string, createdAt: number) => ({
        id,
        receiver: 'r',
        dedupKey: id,
        payload: notificationOf(sampleIncident(incident, 1_000)),
        createdAt,
      });
      await store.commit(commitOf({ outbox: [item('a1', 'a', 10), item('b1', 'b', 30), item('a2', 'a', 10)] }));
      const due = async (now: number) => (await store.dueOutbox(now, 10)).map((o) => o.id);
      deepStrictEqual(await due(15), ['a1', 'a2'], 'as decided, though the times are the same');
      await store.settleOutbox('a1', { state: 'pending', at: 16, error: 'timeout', nextAttemptAt: 100 });
      deepStrictEqual(await due(50), ['b1'], 'a2 may not overtake a1');
      deepStrictEqual(await due(100), ['a1', 'b1', 'a2']);
      deepStrictEqual(await store.dueOutbox(100, 10, ['r']), []);
      const [first] = await store.dueOutbox(100, 1);
      strictEqual(first?.attempts, 1);
      strictEqual(first?.lastError, 'timeout');
      strictEqual((await store.outbox({ incident: 'a' })).length, 2);
    }),
    check('a message about several incidents is found under each of them', async (store) => {
      const [a, b] = [sampleIncident('a', 1_000), sampleIncident('b', 1_000)];
      const member = (incident: Incident) => ({ incident, url: '', labels: {}, annotations: {} });
      const payload = { ...notificationOf({ ...a, id: 'group' }), members: [member(a), member(b)] };
      await store.enqueue([{ id: 'm', receiver: 'r', dedupKey: 'm', payload, createdAt: 1 }]);
      for (const incident of ['a', 'b', 'group'])
        deepStrictEqual(
          (await store.outbox({ incident })).map((o) => o.id),
          ['m'],
          incident,
        );
    }),
    check('what people say of an incident outlives what the correlator writes', async (store) => {
      const incident = sampleIncident('a', 1_000);
      await store.commit(commitOf({ incidents: [incident] }));
      const said: Incident = {
        ...incident,
        assignedTo: 'mira',
        snoozedUntil: 9_000,
        timeline: [...incident.timeline, { at: 5, kind: 'commented', text: 'mira: looking' }],
      };
      await store.saveIncident(said);
      await store.commit(commitOf({ incidents: [{ ...incident, version: 2, assignedTo: 'old' }] }));
      const after = await store.incident('a');
      deepStrictEqual([after?.assignedTo, after?.snoozedUntil, after?.version], ['mira', 9_000, 3]);
      ok(after?.timeline.some(({ kind }) => kind === 'commented'));
      await store.saveIncident({ ...said, assignedTo: null, snoozedUntil: null });
      strictEqual((await store.incident('a'))?.assignedTo, undefined);
      await store.commit(commitOf({ incidents: [{ ...incident, version: 3, status: 'closed', mergedInto: 'b' }] }));
      deepStrictEqual((await store.incidents({})).items, []);
      deepStrictEqual(
        (await store.incidents({ merged: true })).items.map((i) => i.mergedInto),
        ['b'],
      );
    }),
    check('pruning removes what is old and closed, never what is open or pending', async (store) => {
      const incident = sampleIncident('open', 1);
      await store.commit(
        commitOf({
          incidents: [incident, sampleIncident('closed', 1, { status: 'closed', closedAt: 2, updatedAt: 2 })],
          outbox: [{ id: 'o', receiver: 'r', dedupKey: 'k', payload: notificationOf(incident), createdAt: 1 }],
        }),
      );
      await store.audit({ id: 'x', at: 1, by: 'a', from: 'b', action: 'c', subject: 'd', detail: { n: 1 } });
      deepStrictEqual(
        (await store.auditLog({})).map((a) => a.detail),
        [{ n: 1 }],
      );
      await store.prune(1_000);
      deepStrictEqual(
        (await store.incidents({})).items.map((i) => i.id),
        ['open'],
      );
      strictEqual((await store.dueOutbox(10, 10)).length, 1);
      strictEqual((await store.auditLog({})).length, 0);
    }),
    check('silences and maintenance are kept, replaced, and pruned once over', async (store) => {
      const silence = (id: string, endsAt: number, comment = '') => ({
        id,
        matchers: [{ name: 'service', value: 'a', isRegex: false, isEqual: true }],
        startsAt: 1,
        endsAt,
        createdBy: 'mira',
        comment,
        updatedAt: endsAt,
      });
      await store.saveSilence(silence('old', 50));
      await store.saveSilence(silence('new', 500));
      await store.saveSilence(silence('new', 500, 'again'));
      deepStrictEqual(await store.silences(), [silence('new', 500, 'again'), silence('old', 50)]);
      const window = { id: 'w', name: 'patching', matchers: [], spans: [{ startsAt: 1, endsAt: 2 }], createdBy: 'j' };
      await store.saveMaintenance({ ...window, updatedAt: 2 }, 2);
      await store.saveMaintenance({ ...window, id: 'ever', updatedAt: 1 }, null);
      deepStrictEqual(
        (await store.maintenance()).map((w) => w.id),
        ['w', 'ever'],
      );
      await store.prune(100);
      deepStrictEqual(
        [(await store.silences()).map((s) => s.id), (await store.maintenance()).map((w) => w.id)],
        [['new'], ['ever']],
      );
      deepStrictEqual([await store.deleteMaintenance('ever'), await store.deleteMaintenance('ever')], [true, false]);
    }),
    check('a receiver remembers, replaces and forgets, apart from other receivers', async (store) => {
      strictEqual(await store.recall('slack', 'i'), null);
      await store.remember('slack', 'i', '17.1', 10);
      await store.remember('slack', 'i', '17.2', 20);
      await store.remember('jira', 'i', 'OPS-1', 20);
      deepStrictEqual([await store.recall('slack', 'i'), await store.recall('jira', 'i')], ['17.2', 'OPS-1']);
      await store.remember('slack', 'i', null, 30);
      strictEqual(await store.recall('slack', 'i'), null);
      await store.prune(21);
      strictEqual(await store.recall('jira', 'i'), null);
    }),
    check('a notification outside of a correlator step is queued once', async (store) => {
      const incident = sampleIncident('a', 1_000);
      const item = { id: 'ack', receiver: 'r', dedupKey: 'ack', payload: notificationOf(incident), createdAt: 5 };
      await store.enqueue([item]);
      await store.settleOutbox('ack', { state: 'sent', at: 6, error: '', nextAttemptAt: 6 });
      await store.enqueue([item]);
      deepStrictEqual(
        (await store.outbox({})).map((o) => [o.id, o.state]),
        [['ack', 'sent']],
      );
    }),
  ];
}
