import type { SignalSink } from '../../../domain/ports.ts';
import type { DeployMarker, HistogramBatch, PointBatch } from '../../../domain/signal/batch.ts';

export interface RecordedHistogram {
  readonly series: number;
  readonly time: number;
  readonly startTime: number;
  readonly total: number;
  readonly sum: number;
  /** lower, upper, count */
  readonly buckets: readonly (readonly [number, number, number])[];
}

/** Copies everything it is given, as batches are valid only during the call. */
export class RecordingSink implements SignalSink {
  readonly points_: { readonly series: number; readonly time: number; readonly value: number }[] = [];
  readonly histograms_: RecordedHistogram[] = [];
  readonly stale_: { readonly series: number; readonly at: number }[] = [];
  readonly deploys: DeployMarker[] = [];

  points(batch: PointBatch): void {
    for (let i = 0; i < batch.length; i++) {
      this.points_.push({ series: batch.series[i]!, time: batch.time[i]!, value: batch.value[i]! });
    }
  }

  histograms(batch: HistogramBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const buckets: [number, number, number][] = [];
      for (let k = batch.bucketStart[i]!; k < batch.bucketStart[i + 1]!; k++) {
        buckets.push([batch.lower[k]!, batch.upper[k]!, batch.count[k]!]);
      }
      this.histograms_.push({
        series: batch.series[i]!,
        time: batch.time[i]!,
        startTime: batch.startTime[i]!,
        total: batch.total[i]!,
        sum: batch.sum[i]!,
        buckets,
      });
    }
  }

  logs(): void {
    throw new Error('remote write carries no logs');
  }

  spans(): void {
    throw new Error('remote write carries no spans');
  }

  deploy(marker: DeployMarker): void {
    this.deploys.push(marker);
  }

  stale(series: number, at: number): void {
    this.stale_.push({ series, at });
  }
}
