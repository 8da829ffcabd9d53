import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anchored, compileMatchers, coversStory, formatMatcher, parseMatchers } from './matcher.ts';

const matches = (text: string, labels: Record<string, string>) => compileMatchers(parseMatchers(text))(labels);

describe('matchers', () => {
  it.each([
    ['service="pay"', { service: 'pay' }, true],
    ['service!="pay"', { service: 'pay' }, false],
    ['service=~"pay|shop"', { service: 'shop' }, true],
    ['service=~"pay"', { service: 'payments' }, false],
    ['service!~"pay.*"', { service: 'payments' }, false],
    ['team=""', { service: 'pay' }, true],
    ['{service = pay, severity!=info}', { service: 'pay', severity: 'critical' }, true],
    ['service="pay", severity="info"', { service: 'pay', severity: 'critical' }, false],
    ['text="a, \\"b\\""', { text: 'a, "b"' }, true],
  ])('%s on %j is %s', (text, labels, wanted) => expect(matches(text, labels as Record<string, string>)).toBe(wanted));

  it.each([
    '(a+)+',
    '(a|aa)*',
    '((a*)b?)+',
    'a(?=b)',
    '(?<!a)b',
    '(a)\\1',
    '(?<x>a)\\k<x>',
    '(',
    'a)',
    '[',
    'x'.repeat(600),
  ])('refuses %s', (pattern) => expect(() => anchored(pattern)).toThrow(/matcher/));

  it.each(['a.*b', '(pay|shop)-[a-z]+', 'x{1,3}', '(abc)?', 'a\\+b', '[(+]*', '(?:ab)+c'])('takes %s', (pattern) =>
    expect(() => anchored(pattern)).not.toThrow(),
  );

  it('anchors alternatives at both ends', () => {
    expect(anchored('a|b').test('ab')).toBe(false);
    expect(anchored('a.c').test('a\nc')).toBe(true);
  });

  it.each(['', ' ', 'service', '="x"', 'a="x" b="y"', 'a=~"("'])('refuses to read %j or reads nothing', (text) => {
    if (text.trim() === '') expect(parseMatchers(text)).toEqual([]);
    else expect(() => parseMatchers(text)).toThrow(/matcher/);
  });

  it('reads what it writes', () => {
    const one = fc.record({
      name: fc.stringMatching(/^[a-z_]{1,8}$/),
      value: fc.string(),
      isRegex: fc.constant(false),
      isEqual: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 4 }), (list) => {
        expect(parseMatchers(list.map(formatMatcher).join(','))).toEqual(list);
      }),
    );
  });

  it('covers a story by all its services or by its cause, not by one victim', () => {
    const only = (service: string) =>
      compileMatchers([{ name: 'service', value: service, isRegex: false, isEqual: true }]);
    const causes = [{ service: 'pay', share: 0.8 }];
    expect(coversStory(only('pay'), {}, ['pay', 'shop'], causes)).toBe(true);
    expect(coversStory(only('shop'), {}, ['pay', 'shop'], causes)).toBe(false);
    expect(coversStory(only('shop'), {}, ['shop'], causes)).toBe(true);
    expect(coversStory(only('pay'), {}, ['shop'], [{ service: 'pay', share: 0.3 }])).toBe(false);
  });
});
