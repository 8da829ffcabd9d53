import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMaintenance } from '../src/alert/maintenance/maintenance.ts';
import { Dispatcher } from '../src/alert/notify/dispatcher.ts';
import { incidentLabels } from '../src/alert/route/route.ts';
import { createSilences } from '../src/alert/silence/silence.ts';
import type { Matcher } from '../src/domain/alerting/matcher.ts';
import type { MaintenanceWindow, Silence } from '../src/domain/alerting/suppression.ts';
import type { Incident } from '../src/domain/incident.ts';
import type { HistoryStore, OutboxEntry } from '../src/domain/ports.ts';
import { DAY, HOUR } from '../src/domain/units.ts';
import { Committer } from '../src/pipeline/committer.ts';
import { createCorrelator } from '../src/pipeline/correlator/create.ts';
import { madeUpReport, madeUpTick, outage, TICK_MS } from '../src/pipeline/correlator/testing/reports.ts';
import { createReceivers } from '../src/pipeline/receivers.ts';
import { zoneOffset } from '../src/pipeline/routing/zones.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';
import { createRng } from '../src/stats/rng.ts';
import { openSqliteControlStore } from '../src/store/control/sqlite.ts';
import { cpuSeconds, median, quantile, reportBar } from './measure.ts';

const STAMP = { modelVersion: 'bench', configHash: 'bench' };
const settingsFor = (url: string) =>
  settingsSchema.parse({
    receivers: [{ name: 'pager', webhook_configs: [{ url }] }],
    route: { receiver: 'pager', min_severity: 'info' },
    budget: { pages_per_week: 1_000_000 },
  });

function storm(): void {
  const correlator = createCorrelator(settingsFor('http://127.0.0.1:1'), STAMP, 'http://tocsin');
  const incidents = new Map<string, Incident>();
  const told: OutboxEntry[] = [];
  const calmTicks = 60;
  let slowest = 0;
  for (const report of outage({
    services: 200,
    series: 50,
    start: Date.UTC(2026, 10, 20),
    calmTicks,
    badTicks: 18,
    calmAfter: 60,
  })) {
    const before = cpuSeconds();
    const step = correlator.apply(report);
    slowest = Math.max(slowest, cpuSeconds() - before);
    for (const incident of step.incidents) incidents.set(incident.id, incident);
    told.push(...step.outbox);
  }
  const largest = [...incidents.values()].toSorted((a, b) => b.services.length - a.services.length)[0]!;
  const rank = 1 + largest.causes.findIndex((cause) => cause.service === 's0');
  const pages = told.filter(({ payload }) => payload.reason !== 'resolved').length;
  console.log(
    `one outage, 200 services, 10,000 strange series: ${incidents.size} incident(s), largest ${largest.services.length} services, root ranked ${rank}, ${pages} page(s), slowest tick ${(slowest * 1_000).toFixed(0)} ms of CPU`,
  );
  reportBar('storm', incidents.size, `root ranked ${rank}, ${pages} page${pages === 1 ? '' : 's'}`);
}

/** A month of silences and maintenance windows: half name a service, half have an expression; a few hundred are on at a time. */
function matching(): void {
  const rng = createRng(7);
  const now = Date.UTC(2026, 10, 20);
  const matchersOf = (i: number): Matcher[] =>
    i % 2 === 0
      ? [{ name: 'service', value: `service-${rng.int(2_000)}`, isRegex: false, isEqual: true }]
      : [{ name: 'service', value: `service-${rng.int(2_000)}(-canary)?`, isRegex: true, isEqual: true }];
  const spanOf = () => {
    const startsAt = now - 15 * DAY + rng.int(30) * DAY + rng.int(24) * HOUR;
    return { startsAt, endsAt: startsAt + (1 + rng.int(24)) * HOUR };
  };
  const common = { createdBy: 'bench', comment: '', updatedAt: now };
  const silences = Array.from(
    { length: 5_000 },
    (_, i): Silence => ({ id: `s${i}`, matchers: matchersOf(i), ...spanOf(), ...common }),
  );
  const windows = Array.from({ length: 5_000 }, (_, i): MaintenanceWindow => {
    const base = { id: `m${i}`, name: `m${i}`, matchers: matchersOf(i), ...common };
    if (i % 5 !== 0) return { ...base, spans: [spanOf()] };
    const start = new Date(spanOf().startsAt).toISOString().slice(0, 19);
    const nightly = { start, durationMs: HOUR, zone: 'Europe/Berlin', rrule: 'FREQ=DAILY', rdates: [], exdates: [] };
    return { ...base, spans: [], recurrences: [nightly] };
  });
  const held = createSilences(STAMP);
  held.restore(silences);
  const maintenance = createMaintenance(STAMP, zoneOffset);
  maintenance.set(windows);
  const asked = Array.from({ length: 2_000 }, (_, i) => incidentOf(`service-${(i * 7) % 2_000}`, now));
  const pass = (at: number): number => {
    let stopped = 0;
    for (const incident of asked) {
      const labels = incidentLabels(incident);
      if (!held.check(incident, labels, at).passed) stopped += 1;
      else if (!maintenance.check(incident, labels, at).passed) stopped += 1;
    }
    return stopped;
  };
  pass(now);
  const costs: number[] = [];
  let stopped = 0;
  // Time goes on by a tick between passes, as it does in life.
  for (let round = 0; round < 15; round += 1) {
    const before = cpuSeconds();
    stopped = pass(now + round * TICK_MS);
    costs.push(((cpuSeconds() - before) * 1e6) / asked.length);
  }
  console.log(
    `10,000 silences and windows of a month: ${median(costs).toFixed(1)} us an incident (CPU), ${stopped} of ${asked.length} held back`,
  );
  reportBar('suppression-match', median(costs), 'CPU time, silences and maintenance together');
}

const incidentOf = (service: string, at: number): Incident => ({
  id: service,
  tenant: 'default',
  version: 1,
  status: 'open',
  severity: 'warning',
  confidence: 0.9,
  score: 0.9,
  title: service,
  summary: '',
  onset: at,
  openedAt: at,
  updatedAt: at,
  closedAt: null,
  reopenedCount: 0,
  services: [service],
  anomalies: [],
  causes: [{ service, share: 1, onset: at, reasons: [] }],
  evidence: [],
  contributions: [],
  deploys: [],
  traceIds: [],
  timeline: [],
  acknowledgedBy: null,
  acknowledgedAt: null,
  verdict: null,
});

/** 1,000 incidents a minute in bursts as ticks bring them: from the report that opens one to the call that tells of it. */
async function delivery(): Promise<void> {
  const PER_TICK = 167;
  const TICKS = 6;
  const scratch = mkdtempSync(join(tmpdir(), 'tocsin-bench-'));
  const arrived = new Map<string, number>();
  const receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { alerts } = JSON.parse(Buffer.concat(parts).toString()) as { alerts: { labels: { tenant: string } }[] };
      arrived.set(alerts[0]!.labels.tenant, performance.now());
      // A vendor across the net answers after a while.
      setTimeout(() => response.end('{}'), 20);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const settings = settingsFor(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}`);
  const control = openSqliteControlStore(join(scratch, 'control.sqlite'));
  await control.migrate();
  const clock = { now: () => Date.now() };
  const receivers = createReceivers(settings, clock, control);
  const correlator = createCorrelator(settings, STAMP, 'http://tocsin');
  const dispatcher = new Dispatcher(control, receivers.notifiers, clock);
  const history = {
    registerSeries: async () => {},
    append: async () => {},
    flush: async () => {},
  } as unknown as HistoryStore;
  const committer = new Committer({
    correlator,
    control,
    history,
    clock,
    stamp: STAMP,
    applied: {},
    onDurable: () => {},
    onIncidents: () => {},
    onOutbox: () => void dispatcher.run(),
    onStep: () => {},
    onFailure: (error) => {
      throw error;
    },
  });
  const decided = new Map<string, number>();
  const cpu = cpuSeconds();
  const start = Date.now() - 10 * TICK_MS;
  let sequence = 0;
  for (let n = 0; n < TICKS; n += 1) {
    const at = start + n * TICK_MS;
    const ticks = Array.from({ length: PER_TICK }, (_, i) => {
      const tenant = `t${n * PER_TICK + i}`;
      decided.set(tenant, performance.now());
      return madeUpTick({ tenant, service: 'shop', at, strange: 8 });
    });
    committer.push([madeUpReport(sequence++, at, ticks)]);
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await committer.drain();
  await dispatcher.run();
  const waits = [...decided].map(([tenant, at]) => (arrived.get(tenant) ?? Number.POSITIVE_INFINITY) - at);
  const p99 = quantile(waits, 0.99) / 1_000;
  const perBurst = (cpuSeconds() - cpu) / TICKS;
  console.log(
    `${PER_TICK * 6} incidents a minute, ${decided.size} in all, receiver answers after 20 ms: report to call p50 ${(quantile(waits, 0.5) / 1_000).toFixed(2)} s, p99 ${p99.toFixed(2)} s; ${perBurst.toFixed(2)} s of CPU a burst, receiver included; ${arrived.size} told`,
  );
  reportBar(
    'notify-p99',
    p99,
    `${arrived.size} of ${decided.size} told, receiver answers after 20 ms; ${perBurst.toFixed(2)} s of CPU a burst of ${PER_TICK}`,
  );
  await dispatcher.stop();
  await control.close();
  receiver.closeAllConnections();
  receiver.close();
  rmSync(scratch, { recursive: true, force: true });
}

storm();
matching();
await delivery();
