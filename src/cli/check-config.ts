import { stringify } from 'yaml';
import { ConfigError, formatFault, loadConfig, parseConfig } from '../config/load.ts';
import { settingsSchema } from '../pipeline/settings.ts';
import type { Output } from './output.ts';
import { redact } from './redact.ts';

/** Exit code 0 when every file is fine, else 1 with all faults of all files. */
export async function checkConfig(
  paths: readonly string[],
  options: { readonly print?: boolean },
  output: Output,
): Promise<number> {
  let failed = false;
  for (const path of paths.length === 0 ? [null] : paths) {
    try {
      const loaded =
        path === '-'
          ? parseConfig(await readStandardInput(), settingsSchema, process.env)
          : loadConfig(path, settingsSchema, process.env);
      const what =
        path === null
          ? 'no file: defaults'
          : loaded.files.length > 1
            ? `${path} (${loaded.files.length} files)`
            : path === '-'
              ? '<stdin>'
              : path;
      output.line(`SUCCESS: ${what}, ${loaded.config.receivers.length} receivers, config hash ${loaded.hash}`);
      if (options.print === true) output.line(stringify(redact(loaded.config)));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      failed = true;
      output.error(`FAILED: ${path}: ${error.faults.length} fault${error.faults.length === 1 ? '' : 's'}`);
      for (const fault of error.faults) output.error(`  ${formatFault(fault)}`);
    }
  }
  return failed ? 1 : 0;
}

async function readStandardInput(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
