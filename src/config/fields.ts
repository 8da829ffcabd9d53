import { z } from 'zod';
import type { OptionSpec, Options, OptionsSpec } from '../domain/options.ts';
import { formatDuration, parseBytes, parseDuration } from './duration.ts';

/** A span of time written as `30s`, `5m`, `1h30m`, `1d`; a bare number is ms. Held in ms. */
export const duration = (limits: { min?: number; max?: number } = {}): z.ZodType<number> =>
  z
    .union([z.string(), z.number()])
    .transform((value, context) => {
      const ms = typeof value === 'number' ? value : parseDuration(value);
      if (ms === null)
        context.addIssue({ code: 'custom', message: `'${value}' is not a duration; write it as 30s, 5m, 1h30m or 1d` });
      else if (limits.min !== undefined && ms < limits.min)
        context.addIssue({ code: 'custom', message: `must be at least ${formatDuration(limits.min)}` });
      else if (limits.max !== undefined && ms > limits.max)
        context.addIssue({ code: 'custom', message: `must be at most ${formatDuration(limits.max)}` });
      return ms ?? 0;
    })
    .meta({ type: 'duration' });

/** A size written as `64MiB`, `10MB` or plain bytes. Held in bytes. */
export const bytes = (): z.ZodType<number> =>
  z
    .union([z.string(), z.number()])
    .transform((value, context) => {
      const size = typeof value === 'number' ? value : parseBytes(value);
      if (size === null)
        context.addIssue({
          code: 'custom',
          message: `'${value}' is not a size; write it as 64MiB, 10MB or a number of bytes`,
        });
      return size ?? 0;
    })
    .meta({ type: 'size' });

/** `host:port`, `:port` (all interfaces) or `off`. */
export const address = (): z.ZodType<{ host: string; port: number } | null> =>
  z
    .string()
    .transform((value, context) => {
      if (value === 'off') return null;
      const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
      if (match === null || Number(match[3]) > 65_535) {
        context.addIssue({
          code: 'custom',
          message: `'${value}' is not an address; write host:port, :port for all interfaces, or off`,
        });
        return null;
      }
      return { host: match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2]!), port: Number(match[3]) };
    })
    .meta({ type: 'address' });

function fieldOf(option: OptionSpec): z.ZodType {
  switch (option.type) {
    case 'number':
    case 'integer': {
      let field = option.type === 'integer' ? z.int() : z.number();
      if (option.min !== undefined) field = field.min(option.min);
      if (option.max !== undefined) field = field.max(option.max);
      return field;
    }
    case 'duration':
      return duration({
        ...(option.min === undefined ? {} : { min: option.min }),
        ...(option.max === undefined ? {} : { max: option.max }),
      });
    case 'boolean':
      return z.boolean();
    case 'string':
      return z.string();
    case 'strings':
      return z.array(z.string());
    case 'enum':
      return z.enum(option.values as [string, ...string[]]);
  }
}

/** `freezeFor` is written `freeze_for` in files. */
const fileKey = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A strict section for a component's declared options: every field optional, its default filled in. */
export function sectionOf<const S extends OptionsSpec>(spec: S): z.ZodType<Options<S>> {
  const shape = Object.fromEntries(
    Object.entries(spec).map(([key, option]) => {
      const written = option.type === 'duration' ? formatDuration(option.default) : option.default;
      return [fileKey(key), fieldOf(option).default(option.default).meta({ description: option.doc, written })];
    }),
  );
  return z
    .strictObject(shape)
    .transform((given) => Object.fromEntries(Object.keys(spec).map((key) => [key, given[fileKey(key)]])))
    .prefault({}) as unknown as z.ZodType<Options<S>>;
}
