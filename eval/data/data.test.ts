import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseColumns, parseTable } from './csv.ts';
import { runsOf } from './metric-sets.ts';
import { parseQuoted } from './quoted-csv.ts';
import { readTarGz } from './tar.ts';

describe('csv', () => {
  it('reads numbers, UTC times, missing cells and a last line without a newline', () => {
    const [time, value] = parseColumns(Buffer.from('t,v,x\n2014-04-01 00:00:00,1.5,9\n1491041280,,9\r\n60,-2e3'), 2);
    expect(Array.from(time!)).toEqual([1396310400, 1491041280, 60]);
    expect(Array.from(value!)).toEqual([1.5, Number.NaN, -2000]);
  });

  it('reads nothing from nothing', () => {
    expect(parseColumns(Buffer.from(''), 2).map((c) => c.length)).toEqual([0, 0]);
    expect(parseTable('a,b\r\n1,2\r\n').rows).toEqual([['1', '2']]);
  });
});

describe('tar', () => {
  it('yields the regular files', () => {
    const header = (name: string, size: number, type: string): Buffer => {
      const block = Buffer.alloc(512);
      block.write(name, 0);
      block.write(size.toString(8).padStart(11, '0'), 124);
      block.write(type, 156);
      return block;
    };
    const body = Buffer.alloc(512);
    body.write('hello');
    const tar = Buffer.concat([
      header('d/', 0, '5'),
      header('d/a.txt', 5, '0'),
      body,
      header('d/b.txt', 0, '0'),
      Buffer.alloc(1024),
    ]);
    expect([...readTarGz(gzipSync(tar))].map((f) => [f.name, f.data.toString()])).toEqual([
      ['d/a.txt', 'hello'],
      ['d/b.txt', ''],
    ]);
  });
});

it('finds runs of labels', () => {
  expect(runsOf(Uint8Array.from([1, 0, 1, 1, 0, 1]))).toEqual([
    [0, 0],
    [2, 3],
    [5, 5],
  ]);
});

it('reads quoted cells with commas, quotes, newlines and empty ends', () => {
  expect(parseQuoted('a,b\n"x,""y""\nz",2\r\n,\n"q"')).toEqual([['a', 'b'], ['x,"y"\nz', '2'], ['', ''], ['q']]);
});
