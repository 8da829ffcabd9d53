import { describe, expect, it } from 'vitest';
import type { TickReport } from '../domain/signal/history.ts';
import { ReportOrder } from './report-order.ts';

const report = (shard: number, at: number, provisional = false): TickReport =>
  ({ shard, at, provisional }) as TickReport;
const shown = (reports: readonly TickReport[]): string[] => reports.map(({ shard, at }) => `${shard}@${at}`);

describe('report order', () => {
  it('passes one shard straight through', () => {
    const order = new ReportOrder(1, () => 0);
    expect(shown(order.push(report(0, 20)))).toEqual(['0@20']);
  });

  it('waits for every shard to reach a tick, then gives it out by time and shard', () => {
    const order = new ReportOrder(3, () => 0);
    expect(order.push(report(2, 10))).toEqual([]);
    expect(order.push(report(0, 10))).toEqual([]);
    expect(order.push(report(0, 20))).toEqual([]);
    expect(shown(order.push(report(1, 10)))).toEqual(['0@10', '1@10', '2@10']);
    order.push(report(1, 20));
    expect(shown(order.push(report(2, 30)))).toEqual(['0@20', '1@20']);
  });

  it('does not hold back what is provisional', () => {
    const order = new ReportOrder(2, () => 0);
    expect(shown(order.push(report(0, 10, true)))).toEqual(['0@10']);
  });

  it('waits for a silent shard only so long', () => {
    let now = 0;
    const order = new ReportOrder(2, () => now);
    order.push(report(0, 10));
    now = 1_999;
    expect(order.release()).toEqual([]);
    now = 2_000;
    expect(shown(order.release())).toEqual(['0@10']);
  });

  it('gives everything out at the end', () => {
    const order = new ReportOrder(2, () => 0);
    order.push(report(0, 20));
    order.push(report(0, 30));
    expect(shown(order.drain())).toEqual(['0@20', '0@30']);
    expect(order.drain()).toEqual([]);
  });
});
