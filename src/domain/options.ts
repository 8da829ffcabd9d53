/**
 * Options of a component as data, so that the pure kernel can declare them without a validation library. `config/` turns
 * them into schemas, defaults, error messages and the generated reference page.
 */
export type OptionSpec =
  | {
      readonly type: 'number';
      readonly default: number;
      readonly min?: number;
      readonly max?: number;
      readonly doc: string;
    }
  | {
      readonly type: 'integer';
      readonly default: number;
      readonly min?: number;
      readonly max?: number;
      readonly doc: string;
    }
  /** Written as `30s`, `5m`, `1h30m`, `1d`, `1w`; held in ms. */
  | {
      readonly type: 'duration';
      readonly default: number;
      readonly min?: number;
      readonly max?: number;
      readonly doc: string;
    }
  | { readonly type: 'boolean'; readonly default: boolean; readonly doc: string }
  | { readonly type: 'string'; readonly default: string; readonly doc: string }
  | { readonly type: 'strings'; readonly default: readonly string[]; readonly doc: string }
  | { readonly type: 'enum'; readonly values: readonly string[]; readonly default: string; readonly doc: string };

export type OptionsSpec = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S extends { type: 'number' | 'integer' | 'duration' }
  ? number
  : S extends { type: 'boolean' }
    ? boolean
    : S extends { type: 'strings' }
      ? readonly string[]
      : S extends { type: 'enum'; values: readonly (infer V)[] }
        ? V
        : string;

export type Options<S extends OptionsSpec> = { readonly [K in keyof S]: ValueOf<S[K]> };

/** The options a component runs with when nobody configures it. */
export function defaultsOf<const S extends OptionsSpec>(spec: S): Options<S> {
  return Object.fromEntries(Object.entries(spec).map(([key, option]) => [key, option.default])) as Options<S>;
}
