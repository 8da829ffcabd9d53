import { loadConfig } from '../config/load.ts';
import { TocsinError } from '../domain/error.ts';
import type { Incident } from '../domain/incident.ts';
import { EmbeddedPipeline } from '../pipeline/embedded.ts';
import { readRecorded } from '../pipeline/scenario/recorded.ts';
import { settingsSchema } from '../pipeline/settings.ts';
import type { Output } from './output.ts';

export interface ReplayOptions {
  readonly config?: string;
  readonly signal?: string;
  readonly output: string;
}

/** Runs recorded telemetry through the pipeline in virtual time: wall time is the time in the data. */
export async function replay(files: readonly string[], options: ReplayOptions, output: Output): Promise<number> {
  const settings = loadConfig(options.config ?? null, settingsSchema, process.env).config;
  const requests = files.flatMap((file) => readRecorded(file, options.signal, Date.now())).sort((a, b) => a.at - b.at);
  if (requests.length === 0) throw new TocsinError('invalid_request', 'the files hold no telemetry');
  const pipeline = new EmbeddedPipeline({ settings });
  let accepted = 0;
  let rejected = 0;
  for (const [i, request] of requests.entries()) {
    pipeline.passTime(request.at);
    const result = pipeline.accept(request.signal, request.format, request.body, request.at);
    accepted += result.accepted;
    rejected += result.rejected;
    output.progress('replay', (i + 1) / requests.length);
  }
  const last = requests.at(-1)!.at;
  for (let at = last; at <= last + 120_000; at += 10_000) pipeline.passTime(at);
  const incidents = pipeline.incidents();
  if (options.output === 'json') output.line(JSON.stringify(incidents, null, 2));
  else {
    for (const incident of incidents) output.line(describe(incident));
    const stats = pipeline.stats();
    output.line(
      `${incidents.length} incidents; ${accepted} items in ${requests.length} requests, ${rejected} rejected; ${stats.series} series of ${stats.services} services`,
    );
  }
  return 0;
}

function describe(incident: Incident): string {
  const causes = incident.causes.slice(0, 3).map((cause) => `${cause.service} ${Math.round(cause.share * 100)} %`);
  return `${new Date(incident.openedAt).toISOString()}  ${incident.severity.padEnd(8)} ${incident.title}\n    ${incident.summary}\n    likely cause: ${causes.join(', ') || 'unknown'}`;
}
