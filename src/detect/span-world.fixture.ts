import {
  createSettledSpans,
  type OperationCatalogue,
  type SettledSpans,
  type TraceExamples,
} from '../domain/signal/ticks.ts';

export interface MadeSpan {
  readonly operation: number;
  readonly parent?: number;
  readonly self?: number;
  readonly error?: boolean;
}

/** A made-up world of operations for tests of the trace detectors: operation i belongs to service floor(i / 10). */
export class SpanWorld implements OperationCatalogue, TraceExamples {
  at = 1_700_000_000_000;
  readonly size = 30;
  readonly names = (service: number): string => `service-${service}`;

  serviceOf(operation: number): number {
    return Math.floor(operation / 10);
  }

  nameOf(operation: number): string {
    return `op-${operation}`;
  }

  traceIdOf(reference: number): string {
    return reference < 0 ? '' : `trace-${reference}`;
  }

  next(): number {
    this.at += 10_000;
    return this.at;
  }

  spans(made: readonly MadeSpan[]): SettledSpans {
    const spans = createSettledSpans(made.length);
    made.forEach((span, i) => {
      const parent = span.parent ?? -1;
      spans.operation[i] = span.operation;
      spans.service[i] = this.serviceOf(span.operation);
      spans.parentOperation[i] = parent;
      spans.parentService[i] = parent < 0 ? -1 : this.serviceOf(parent);
      spans.selfMs[i] = span.self ?? 1;
      spans.durationMs[i] = span.self ?? 1;
      spans.gapMs[i] = Number.NaN;
      spans.error[i] = span.error === true ? 1 : 0;
      spans.trace[i] = i;
    });
    spans.length = made.length;
    return spans;
  }
}
