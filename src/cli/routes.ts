import { compileRoutes, matchRoutes, type Route } from '../alert/route/route.ts';
import { compileIntervals } from '../alert/route/time-interval.ts';
import { loadConfig } from '../config/load.ts';
import { TocsinError } from '../domain/error.ts';
import { showRoutes } from '../pipeline/routing/show.ts';
import { zoneOffset } from '../pipeline/routing/zones.ts';
import { settingsSchema } from '../pipeline/settings.ts';
import type { Output } from './output.ts';

export interface RoutesOptions {
  readonly config?: string;
  readonly verifyReceivers?: string;
  readonly tree?: boolean;
}

function treeOf(config: string | undefined): ReturnType<typeof compileRoutes> {
  const settings = loadConfig(config ?? null, settingsSchema, process.env).config;
  const names = settings.receivers.map((receiver) => receiver.name);
  return compileRoutes(settings.route as Route, names, compileIntervals(settings.time_intervals, zoneOffset));
}

/** The routing tree of a configuration, as amtool prints Alertmanager's. */
export function routesShow(options: RoutesOptions, output: Output): number {
  output.line('Routing tree:');
  for (const line of showRoutes(treeOf(options.config))) output.line(line);
  return 0;
}

/** Which receivers a set of labels reaches: comma-separated, in order, as `amtool config routes test` does. */
export function routesTest(labels: readonly string[], options: RoutesOptions, output: Output): number {
  const set = Object.fromEntries(
    labels.map((label) => {
      const found = /^([a-zA-Z_][a-zA-Z0-9_.:]*)=(?:"(.*)"|(.*))$/s.exec(label);
      if (found === null) throw new TocsinError('invalid_request', `'${label}' is not LABEL=VALUE`);
      return [found[1]!, found[2] ?? found[3] ?? ''];
    }),
  );
  const matched = matchRoutes(treeOf(options.config), set);
  if (options.tree === true)
    for (const route of matched) output.line(`${route.id}  receiver: ${route.receivers.join(', ') || '-'}`);
  const receivers = matched.flatMap((route) => route.receivers).join(',');
  output.line(receivers);
  if (options.verifyReceivers === undefined || options.verifyReceivers === receivers) return 0;
  output.error(
    `WARNING: expected receivers did not match resolved receivers: ${options.verifyReceivers} and ${receivers}`,
  );
  return 1;
}
