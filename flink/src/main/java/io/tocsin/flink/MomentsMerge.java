package io.tocsin.flink;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.types.Row;

/**
 * Merges (count, mean, m2) of parts into those of the whole, after Chan, Golub and LeVeque. Flink's own VARIANCE, up to 2.2,
 * subtracts squares of sums: with large means nothing is left of it.
 */
@FunctionHint(output = @DataTypeHint("ROW<n BIGINT, mean DOUBLE, variance DOUBLE>"))
public class MomentsMerge extends AggregateFunction<Row, MomentsMerge.Moments> {
  public static class Moments {
    public long n = 0;
    public double mean = 0;
    public double m2 = 0;
  }

  @Override
  public Moments createAccumulator() {
    return new Moments();
  }

  public void accumulate(Moments to, Long n, Double mean, Double m2) {
    if (n == null || mean == null || m2 == null || n <= 0) return;
    add(to, n, mean, m2);
  }

  public void merge(Moments to, Iterable<Moments> others) {
    for (Moments other : others) if (other.n > 0) add(to, other.n, other.mean, other.m2);
  }

  private static void add(Moments to, long n, double mean, double m2) {
    long total = to.n + n;
    double distance = mean - to.mean;
    to.mean += distance * n / total;
    to.m2 += m2 + distance * distance * to.n * n / total;
    to.n = total;
  }

  @Override
  public Row getValue(Moments of) {
    return of.n == 0 ? null : Row.of(of.n, of.mean, of.m2 / of.n);
  }
}
