import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { parseDuration } from '../config/duration.ts';
import { TocsinError } from '../domain/error.ts';
import type { Incident } from '../domain/incident.ts';
import type { Output } from './output.ts';

export interface ApiOptions {
  readonly api: string;
  readonly token?: string;
  readonly by?: string;
  readonly output?: string;
}

type Summary = Pick<
  Incident,
  'id' | 'status' | 'severity' | 'title' | 'onset' | 'services' | 'acknowledgedBy' | 'assignedTo' | 'snoozedUntil'
>;

/** Asks a running Tocsin. @throws TocsinError with what it answered. */
export async function call(options: ApiOptions, path: string, body?: unknown): Promise<unknown> {
  const url = `${options.api.replace(/\/+$/, '')}/api/v1/${path}`;
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'x-tocsin-request': 'cli',
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new TocsinError('unavailable', `no Tocsin answers at ${options.api}; is it running? (--api)`);
  });
  const answer = (await response.json().catch(() => ({}))) as { readonly detail?: string };
  if (response.ok) return answer;
  throw new TocsinError('invalid_request', answer.detail ?? `${path}: ${response.status}`);
}

const who = (options: ApiOptions): { readonly by: string } => ({ by: options.by ?? userInfo().username });
const isJson = (options: ApiOptions): boolean => options.output === 'json';

function lineOf(incident: Summary): string {
  const notes = [
    incident.acknowledgedBy === null ? '' : `acknowledged by ${incident.acknowledgedBy}`,
    typeof incident.assignedTo === 'string' ? `assigned to ${incident.assignedTo}` : '',
    typeof incident.snoozedUntil === 'number' ? `snoozed until ${new Date(incident.snoozedUntil).toISOString()}` : '',
  ].filter((note) => note !== '');
  const since = new Date(incident.onset).toISOString();
  return `${incident.id}  ${incident.status.padEnd(6)}  ${incident.severity.padEnd(8)}  ${since}  ${incident.title}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
}

/** Incidents of a server, newest first. */
async function list(
  options: ApiOptions & { readonly status?: string; readonly service?: string; readonly limit?: string },
  output: Output,
): Promise<number> {
  const query = new URLSearchParams({ limit: options.limit ?? '50' });
  if (options.status !== undefined && options.status !== 'all') query.set('status', options.status);
  if (options.service !== undefined) query.set('service', options.service);
  const { items } = (await call(options, `incidents?${query}`)) as { readonly items: readonly Summary[] };
  if (isJson(options)) output.line(JSON.stringify(items, null, 2));
  else if (items.length === 0) output.line('no incidents');
  else for (const incident of items) output.line(lineOf(incident));
  return 0;
}

function show(incident: Incident, options: ApiOptions, output: Output): void {
  if (isJson(options)) {
    output.line(JSON.stringify(incident, null, 2));
    return;
  }
  output.line(lineOf(incident));
  output.line(incident.summary);
  output.line(`services: ${incident.services.join(', ')}`);
  for (const [i, cause] of incident.causes.slice(0, 3).entries())
    output.line(`${i + 1}. ${cause.service} (${Math.round(cause.share * 100)} %) ${cause.reasons[0]?.text ?? ''}`);
  for (const { at, kind, text } of incident.timeline) output.line(`  ${new Date(at).toISOString()}  ${kind}: ${text}`);
}

async function showOne(id: string, options: ApiOptions, output: Output): Promise<number> {
  show((await call(options, `incidents/${encodeURIComponent(id)}`)) as Incident, options, output);
  return 0;
}

/** Does something to an incident and prints how it stands then. */
async function act(id: string, verb: string, body: object, options: ApiOptions, output: Output): Promise<number> {
  const answer = await call(options, `incidents/${encodeURIComponent(id)}/${verb}`, { ...body, ...who(options) });
  const { kept, split } = answer as { readonly kept?: Incident; readonly split?: Incident };
  const changed = kept !== undefined && split !== undefined ? [kept, split] : [answer as Incident];
  if (isJson(options)) output.line(JSON.stringify(answer, null, 2));
  else for (const incident of changed) output.line(lineOf(incident));
  return 0;
}

/** @throws TocsinError `invalid_request` for what is no span of time. */
function until(span: string): number | null {
  if (span === 'off') return null;
  const ms = parseDuration(span);
  if (ms === null) throw new TocsinError('invalid_request', `'${span}' is not 30m, 2h, 1d or off`);
  return Date.now() + ms;
}

/** `tocsin incident ...` against a server's API. */
export function incidentCommands(program: Command, output: Output, finish: (code: number) => void): void {
  const incident = program.command('incident').description('incidents of a running Tocsin: look at them, act on them');
  const command = (usage: string, description: string): Command =>
    incident
      .command(usage)
      .description(description)
      .option('--api <url>', 'address of a running Tocsin', 'http://127.0.0.1:4400')
      .option('--token <token>', 'bearer token of the API')
      .option('--by <name>', 'who you are, for timeline and audit log; your login unless given')
      .addOption(new Option('--output <form>', 'how to print').choices(['text', 'json']).default('text'));
  const comment = (made: Command): Command => made.option('--comment <text>', 'why');

  command('list', 'newest first')
    .addOption(new Option('--status <status>', 'which').choices(['open', 'closed', 'all']).default('open'))
    .option('--service <name>', 'of this service')
    .option('--limit <number>', 'at most', '50')
    .action(async (options: Parameters<typeof list>[0]) => finish(await list(options, output)));
  command('show <id>', 'causes and timeline of one').action(async (id: string, options: ApiOptions) =>
    finish(await showOne(id, options, output)),
  );
  command('ack <id>', 'say that you work on it').action(async (id: string, options: ApiOptions) =>
    finish(await act(id, 'acknowledge', {}, options, output)),
  );
  command('assign <id> [who]', 'say who works on it; nobody any more without a name').action(
    async (id: string, to: string | undefined, options: ApiOptions) =>
      finish(await act(id, 'assign', { to: to ?? null }, options, output)),
  );
  command('snooze <id> <time>', 'tell nobody of it for 30m, 2h, 1d; off ends that').action(
    async (id: string, span: string, options: ApiOptions) =>
      finish(await act(id, 'snooze', { until: until(span) }, options, output)),
  );
  command('comment <id> <text...>', 'write a line into its timeline').action(
    async (id: string, text: string[], options: ApiOptions) =>
      finish(await act(id, 'comment', { text: text.join(' ') }, options, output)),
  );
  for (const [verb, description] of [
    ['close', 'close it; it stays closed until the trouble ends and comes back'],
    ['reopen', 'open it again'],
  ] as const)
    comment(command(`${verb} <id>`, description)).action(
      async (id: string, options: ApiOptions & { readonly comment?: string }) =>
        finish(await act(id, verb, { comment: options.comment ?? '' }, options, output)),
    );
  command('merge <id> <other...>', 'make one of several: the oldest stays').action(
    async (id: string, others: string[], options: ApiOptions) =>
      finish(await act(id, 'merge', { with: others }, options, output)),
  );
  command('split <id>', 'move services or series of it to an incident of their own')
    .option('--service <name...>', 'services that go')
    .option('--series <id...>', 'series that go')
    .action(async (id: string, options: ApiOptions & { readonly service?: string[]; readonly series?: string[] }) =>
      finish(
        await act(id, 'split', { services: options.service ?? [], series: options.series ?? [] }, options, output),
      ),
    );
}
