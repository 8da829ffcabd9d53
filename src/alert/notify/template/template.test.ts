import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FILTERS } from './filters.ts';
import { compileTemplate, MAX_OUTPUT } from './template.ts';

const data = {
  title: 'checkout <slow>',
  n: 3,
  share: 0.834,
  empty: '',
  at: 1_700_000_000_000,
  services: ['a', 'b', 'c'],
  causes: [
    { service: 'a', share: 0.8 },
    { service: 'b', share: 0.2 },
  ],
  labels: { team: 'shop', env: 'prod' },
};
const run = (source: string): string => compileTemplate(source)(data);

test.each([
  ['plain', 'plain'],
  ['{{ .title | upper | truncate 8 }}', 'CHECKOU…'],
  ['{{ upper .title }}', 'CHECKOUT <SLOW>'],
  ['{{.title|html}}', 'checkout &lt;slow&gt;'],
  ['{{ if .empty }}a{{ else if eq .n 3 }}b{{ else }}c{{ end }}', 'b'],
  ['{{ if and (gt .n 2) (not .empty) }}yes{{ end }}', 'yes'],
  ['{{ range .causes | first 1 }}{{ .service }} of {{ $.n }};{{ end }}', 'a of 3;'],
  ['{{ range .nothing }}x{{ else }}none{{ end }}', 'none'],
  ['{{ range .labels }}{{ .key }}={{ .value }} {{ end }}', 'env=prod team=shop '],
  ['{{ with .labels }}{{ .team }}{{ end }}', 'shop'],
  ['{{ index .labels "team" }} {{ index .services 1 }}', 'shop b'],
  ['a  {{- /* gone */ -}}  b', 'ab'],
  ['a {{- .n -}} b', 'a3b'],
  ['{{ .missing | default "none" }} {{ .missing }}', 'none '],
  ['{{ join ", " .services }} {{ len .services }}', 'a, b, c 3'],
  [
    '{{ .at | date }} {{ 4980000 | duration }} {{ .share | percent }} {{ .share | round 1 }}',
    '2023-11-14T22:13:20Z 1h23m 83 % 0.8',
  ],
  ['{{ "}}" }}{{ `{{` }}', '}}{{'],
  ['{{ replace "slow" "$&" .title }}', 'checkout <$&>'],
  ['{{ json .labels }} {{ .labels }}', '{"team":"shop","env":"prod"} {"team":"shop","env":"prod"}'],
  ['{{ .constructor }}{{ .title.length }}{{ .__proto__ }}{{ index .labels "constructor" }}', ''],
])('%s', (source, expected) => {
  expect(run(source)).toBe(expected);
});

describe('faults are told with their line', () => {
  test.each([
    ['a\n{{ .x', /line 2: \{\{ without \}\}/],
    ['{{ if .x }}', /line 1: \{\{ if \}\} has no \{\{ end \}\}/],
    ['{{ end }}', /closes nothing/],
    ['{{ .x | shout }}', /no filter "shout"/],
    ['{{ constructor .x }}', /no filter "constructor"/],
    ['{{ truncate .x }}', /takes 2 values, not 1/],
    ['{{ .a .b }}', /only a filter takes arguments/],
    ['{{ }}', /an empty/],
    ['{{ (.a }}', /\( without \)/],
    ['{{ .a; }}', /cannot read/],
    ['{{ template "x" }}', /no filter "template"/],
  ])('%s', (source, message) => {
    expect(() => compileTemplate(source)).toThrow(message);
  });

  test('a field that cannot be there', () => {
    const shape = {
      kind: 'object',
      fields: {
        title: { kind: 'text' },
        causes: { kind: 'list', item: { kind: 'object', fields: { service: { kind: 'text' } } } },
      },
    } as const;
    expect(() => compileTemplate('{{ .tilte }}', shape)).toThrow(
      /line 1: there is no field \.tilte here; there are: title, causes/,
    );
    expect(() => compileTemplate('{{ range .causes | first 2 }}{{ .name }}{{ end }}', shape)).toThrow(/\.name/);
    expect(() => compileTemplate('{{ range .title }}{{ end }}', shape)).toThrow(/needs a list/);
    expect(
      compileTemplate(
        '{{ range .causes }}{{ .service }}{{ $.title }}{{ end }}',
        shape,
      )({ causes: [{ service: 's' }], title: 't' }),
    ).toBe('st');
  });
});

test('output and work are bounded whatever the template', () => {
  const many = { list: Array.from({ length: 1_000 }, (_, i) => i) };
  const nested = '{{ range $.list }}'.repeat(6) + 'x'.repeat(100) + '{{ end }}'.repeat(6);
  expect(compileTemplate(nested)(many).length).toBeLessThanOrEqual(MAX_OUTPUT);
  const quiet = '{{ range $.list }}'.repeat(6) + '{{ end }}'.repeat(6);
  expect(compileTemplate(quiet)(many)).toBe('');
  expect(() => compileTemplate('{{ if . }}'.repeat(40) + '{{ end }}'.repeat(40))).toThrow(/nested deeper/);
});

test('any text either compiles and renders or is refused as configuration', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    ' .a',
    '|',
    ' upper',
    'if ',
    'end',
    'else',
    'range ',
    '"',
    '`',
    '(',
    ')',
    '-',
    '\n',
    'x',
    '$',
    '.',
    '1',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        expect(typeof compileTemplate(pieces.join(''))(data)).toBe('string');
      } catch (error) {
        expect((error as { code?: string }).code).toBe('invalid_config');
      }
    }),
    { numRuns: 1_000 },
  );
});

test('the README lists every filter', () => {
  const page = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const listed = [.../^Filters: (.*)\.$/m.exec(page)![1]!.matchAll(/`(\w+)`/g)].map((m) => m[1]!);
  expect(listed).toEqual(Object.keys(FILTERS).sort());
});
