import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogBatch, type LogBatch } from '../../domain/signal/batch.ts';
import { createLogTemplates, createLogTick } from './log-template.ts';
import { MAX_LINE_BYTES, maskTokens, UNITS } from './mask.ts';
import { SignatureScanner } from './signature.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

function batchOf(lines: readonly string[], service = 0, severity = 9, at = 1000): LogBatch {
  const batch = createLogBatch(lines.length);
  const parts = lines.map((line) => encoder.encode(line));
  batch.buffer = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  parts.forEach((part, i) => {
    batch.buffer.set(part, offset);
    batch.bodyStart[i] = offset;
    offset += part.length;
    batch.bodyEnd[i] = offset;
    batch.service[i] = service;
    batch.severity[i] = severity;
    batch.time[i] = at;
  });
  batch.length = lines.length;
  return batch;
}

const SEPARATORS = Array.from({ length: 33 }, (_, code) => `\\x${code.toString(16).padStart(2, '0')}`).join('');

/** The obvious twin of `maskTokens`, by regular expressions. */
function maskSlowly(body: string): string[] {
  const units = new Set(UNITS);
  const separators = body.startsWith('{')
    ? new RegExp(`[${SEPARATORS}",:{}]+`, 'u')
    : new RegExp(`[${SEPARATORS}]+`, 'u');
  const text = body.replace(new RegExp(`^[${SEPARATORS}]+`, 'u'), '');
  const line = body.startsWith('{') ? body.slice(0, firstBreakAfterToken(body)) : (text.split('\n')[0] ?? '');
  const out: string[] = [];
  let afterMask = false;
  for (const token of line.split(separators).filter((part) => part !== '')) {
    if (/[0-9]/u.test(token) || /^\/./u.test(token)) {
      if (!afterMask) out.push('<*>');
      afterMask = true;
    } else if (!(afterMask && units.has(token))) {
      out.push(token);
      afterMask = false;
    }
  }
  return out;
}
function firstBreakAfterToken(body: string): number {
  const match = new RegExp(`[^${SEPARATORS}",:{}][^\\n]*\\n`, 'u').exec(body);
  return match === null ? body.length : match.index + match[0].length - 1;
}

const word = fc.oneof(
  fc.constantFrom(
    'a',
    'bb',
    'error',
    'ms',
    'KB)',
    '()',
    '/',
    '/x/y',
    '7',
    'blk_-12',
    'user=root',
    '12ms',
    'é',
    'größe9',
    '"k":',
    '{',
    'GET',
    'abcd',
    'abcde',
  ),
  fc.string({ maxLength: 9 }),
);
const gap = fc.constantFrom(' ', '  ', '\t', '\n', ' ');
const body = fc.array(fc.tuple(word, gap), { maxLength: 12 }).map((parts) => parts.map(([w, g]) => w + g).join(''));

describe('maskTokens', () => {
  it('agrees with regular expressions', () => {
    fc.assert(
      fc.property(body, (line) => {
        expect(maskTokens(line)).toEqual(maskSlowly(line));
      }),
      { numRuns: 500 },
    );
  });
});

describe('SignatureScanner', () => {
  const scanner = new SignatureScanner();
  const signature = (line: string, pad: number): string => {
    const bytes = encoder.encode(line);
    const padded = new Uint8Array(bytes.length + pad * 2).fill(0x37);
    padded.set(bytes, pad);
    scanner.use(padded);
    scanner.scan(pad, pad + bytes.length, 1);
    return `${scanner.lo}:${scanner.hi}`;
  };
  it('is equal exactly when the masked tokens are equal', () => {
    fc.assert(
      fc.property(body, body, fc.nat(7), (a, b, pad) => {
        const same = JSON.stringify(maskTokens(a)) === JSON.stringify(maskTokens(b));
        expect(signature(a, pad) === signature(b, 0)).toBe(same);
        expect(signature(a, pad)).toBe(signature(a, 0));
        const renumbered = a.replace(/[0-9]/gu, '5');
        expect(signature(renumbered, 0)).toBe(signature(a, 0));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('LogTemplates', () => {
  it('joins lines that differ in their variable parts and tells different ones apart', () => {
    const templates = createLogTemplates(decode);
    const out = new Int32Array(6);
    templates.assign(
      batchOf([
        'Served block blk_1 to 10.0.0.1 in 12 ms',
        'Served block blk_22 to 10.0.0.2 in 7 s',
        'user alice logged in from the office network',
        'user bob logged in from the office network',
        '"GET /cart/1 HTTP/1.1" status: 200',
        '"POST /cart/1 HTTP/1.1" status: 200',
      ]),
      out,
    );
    expect(out[0]).toBe(out[1]);
    expect(out[2]).toBe(out[3]);
    expect(out[4]).not.toBe(out[5]);
    expect(templates.textOf(out[2] as number)).toBe('user <*> logged in from the office network');
    expect(templates.takeNew()).toEqual([0, 1, 2, 3]);
    expect(templates.takeNew()).toEqual([]);
    const info = templates.describe(out[2] as number, () => 'web');
    expect(info).toMatchObject({
      service: 'web',
      template: 'user <*> logged in from the office network',
      firstSeen: 1000,
    });
    expect(info.id).toMatch(/^[0-9a-f]{16}$/u);
    expect(templates.describe(out[2] as number, () => 'api').id).not.toBe(info.id);
    expect(templates.exampleOf(out[2] as number)).toBe('user alice logged in from the office network');
  });
  it('keeps services apart and counts a tick', () => {
    const templates = createLogTemplates(decode);
    const out = new Int32Array(3);
    templates.assign(batchOf(['a b c', 'a b c', 'x y'], 0), out);
    templates.assign(batchOf(['a b c'], 5, 17), out);
    const tick = createLogTick();
    templates.closeTick(10_000, 10_000, tick);
    expect([...tick.count.subarray(0, tick.length)]).toEqual([2, 1, 1]);
    expect(templates.totalOf(out[0] as number)).toBe(1);
    expect([...tick.service.subarray(0, 2)]).toEqual([0, 5]);
    expect([...tick.errors.subarray(0, 2)]).toEqual([0, 1]);
    templates.closeTick(20_000, 10_000, tick);
    expect(tick.length).toBe(0);
  });
  it('is bounded: what goes beyond the cap is counted under one catch-all, old templates make room', () => {
    const templates = createLogTemplates(decode, { maxTemplates: 16, maxServiceTemplates: 1000, forgetAfter: 60_000 });
    const out = new Int32Array(1);
    const shape = (i: number): string =>
      `${'abcdefghijklmnopqrstuvwxyz'[i] ?? 'z'}${'q'.repeat(i)} begins ${'w '.repeat(i)}`;
    for (let i = 0; i < 20; i += 1) templates.assign(batchOf([shape(i)]), out);
    expect(templates.overflowed).toBe(4);
    expect(templates.textOf(out[0] as number)).toBe('<other lines>');
    const tick = createLogTick();
    templates.closeTick(10_000, 10_000, tick);
    expect(templates.live).toBe(17);
    templates.closeTick(10_000_000, 10_000, tick);
    expect(templates.live).toBe(1);
    templates.assign(batchOf([shape(3)]), out);
    expect(templates.textOf(out[0] as number)).toContain('begins');
    expect(templates.overflowed).toBe(4);
    expect(templates.generationOf(out[0] as number)).toBe(2);
  });
  it('goes on the same after restore, and never throws on arbitrary bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 30 }),
        fc.nat(29),
        (bodies, cut) => {
          const make = (parts: readonly Uint8Array[]): LogBatch => {
            const batch = batchOf(parts.map(() => ''));
            batch.buffer = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
            let offset = 0;
            parts.forEach((part, i) => {
              batch.buffer.set(part, offset);
              batch.bodyStart[i] = offset;
              offset += part.length;
              batch.bodyEnd[i] = offset;
            });
            return batch;
          };
          const one = createLogTemplates(decode, { cacheSlots: 1024, maxTemplates: 16 });
          const two = createLogTemplates(decode, { cacheSlots: 1024, maxTemplates: 16 });
          const out = [new Int32Array(30), new Int32Array(30)] as const;
          one.assign(make(bodies.slice(0, cut)), out[0]);
          two.restore(one.save());
          one.assign(make(bodies.slice(cut)), out[0]);
          two.assign(make(bodies.slice(cut)), out[1]);
          const rest = Math.max(0, bodies.length - cut);
          expect(out[1].slice(0, rest)).toEqual(out[0].slice(0, rest));
          const ticks = [createLogTick(), createLogTick()] as const;
          one.closeTick(1, 1, ticks[0]);
          two.closeTick(1, 1, ticks[1]);
          expect(ticks[1].count.slice(0, ticks[1].length)).toEqual(ticks[0].count.slice(0, ticks[0].length));
        },
      ),
      { numRuns: 100 },
    );
  });
  it('reads the beginning of a huge line only', () => {
    const templates = createLogTemplates(decode);
    const out = new Int32Array(2);
    const long = 'word '.repeat(MAX_LINE_BYTES);
    templates.assign(batchOf([long, `${long}tail`]), out);
    expect(out[0]).toBe(out[1]);
  });
});
