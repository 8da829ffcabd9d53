package io.tocsin.flink;

import org.apache.flink.table.functions.AggregateFunction;

/** Correlation of two columns, by running means and products of distances: there is no CORR in Flink SQL. */
public class Pearson extends AggregateFunction<Double, Pearson.Sums> {
  public static class Sums {
    public long n = 0;
    public double meanX = 0;
    public double meanY = 0;
    public double xx = 0;
    public double yy = 0;
    public double xy = 0;
  }

  @Override
  public Sums createAccumulator() {
    return new Sums();
  }

  public void accumulate(Sums to, Double x, Double y) {
    if (x == null || y == null) return;
    to.n++;
    double dx = x - to.meanX;
    to.meanX += dx / to.n;
    double dy = y - to.meanY;
    to.meanY += dy / to.n;
    to.xx += dx * (x - to.meanX);
    to.yy += dy * (y - to.meanY);
    to.xy += dx * (y - to.meanY);
  }

  public void merge(Sums to, Iterable<Sums> others) {
    for (Sums other : others) {
      if (other.n == 0) continue;
      long total = to.n + other.n;
      double dx = other.meanX - to.meanX;
      double dy = other.meanY - to.meanY;
      double weight = (double) to.n * other.n / total;
      to.xx += other.xx + dx * dx * weight;
      to.yy += other.yy + dy * dy * weight;
      to.xy += other.xy + dx * dy * weight;
      to.meanX += dx * other.n / total;
      to.meanY += dy * other.n / total;
      to.n = total;
    }
  }

  @Override
  public Double getValue(Sums of) {
    return of.n < 2 || of.xx <= 0 || of.yy <= 0 ? null : of.xy / Math.sqrt(of.xx * of.yy);
  }
}
