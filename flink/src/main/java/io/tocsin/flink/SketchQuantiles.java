package io.tocsin.flink;

import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.types.Row;

/**
 * Merges sketches (pairs of bin and weight, 12 bytes each, little-endian: int32, float64) and reads the median and the 99th
 * percentile. A bin is the exponent and the top five bits of the mantissa of a float32, negative values mirrored; the twin of
 * src/features/service-window/value-sketch.ts.
 */
@FunctionHint(
    accumulator = @DataTypeHint("MAP<INT, DOUBLE>"),
    output = @DataTypeHint("ROW<p50 DOUBLE, p99 DOUBLE>"))
public class SketchQuantiles extends AggregateFunction<Row, Map<Integer, Double>> {
  private static final int DROPPED_BITS = 18;

  @Override
  public Map<Integer, Double> createAccumulator() {
    return new TreeMap<>();
  }

  public void accumulate(Map<Integer, Double> to, byte[] sketch) {
    if (sketch == null) return;
    java.nio.ByteBuffer from = java.nio.ByteBuffer.wrap(sketch).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    while (from.remaining() >= 12) to.merge(from.getInt(), from.getDouble(), Double::sum);
  }

  public void merge(Map<Integer, Double> to, Iterable<Map<Integer, Double>> others) {
    for (Map<Integer, Double> other : others)
      for (Map.Entry<Integer, Double> entry : other.entrySet()) to.merge(entry.getKey(), entry.getValue(), Double::sum);
  }

  @Override
  public Row getValue(Map<Integer, Double> of) {
    if (of.isEmpty()) return null;
    TreeMap<Integer, Double> bins = new TreeMap<>(of);
    return Row.of(quantile(bins, 0.5), quantile(bins, 0.99));
  }

  private static double quantile(TreeMap<Integer, Double> bins, double q) {
    double total = 0;
    for (double weight : bins.values()) total += weight;
    double rank = q * (total - 1);
    double below = 0;
    for (Map.Entry<Integer, Double> entry : bins.entrySet()) {
      below += entry.getValue();
      if (below > rank) return middle(entry.getKey());
    }
    return middle(bins.lastKey());
  }

  private static double middle(int bin) {
    if (bin < 0) return -middle(-bin - 1);
    double low = Float.intBitsToFloat(bin << DROPPED_BITS);
    double high = Float.intBitsToFloat((bin + 1) << DROPPED_BITS);
    return (low + high) / 2;
  }
}
