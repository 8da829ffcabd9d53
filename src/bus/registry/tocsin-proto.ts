/**
 * What crosses the bus, as it is registered: `npm run build` bundles modules, not files. Changes must be BACKWARD_TRANSITIVE.
 * Columns inside `bytes` fields are described in src/bus/codec.
 */
export const TOCSIN_PROTO = `syntax = "proto3";

package tocsin.v1;

// Topic \`signals\`: what a gateway took in, for one partition. A partition is the input log of its shard.
message Signals {
  enum Kind {
    UNKNOWN = 0;
    // A request body, or the part of it that belongs to this partition, as it came.
    BODY = 1;
    // Samples of series that a body announced before.
    COLUMNS = 2;
    // Nothing: time goes on.
    HEARTBEAT = 3;
  }
  Kind kind = 1;
  // The gateway's run; numbers of series are its own.
  string gateway = 2;
  // When the gateway took it in, ms since the epoch by its clock.
  double wall_ms = 3;
  // Newest event time that the gateway has seen of anybody.
  double watermark_ms = 4;
  string tenant = 5;
  // 0 metrics, 1 logs, 2 traces.
  uint32 signal = 6;
  // 0 OTLP protobuf, 1 OTLP JSON, 2 remote write 1.0, 3 remote write 2.0.
  uint32 format = 7;
  bytes body = 8;
  // Of a metrics body: the numbers of its samples' series from now on, points first, then histograms; runs as in src/bus/codec.
  bytes numbers = 9;
  // Points and histograms as in src/bus/codec.
  bytes columns = 10;
}

// Topic \`reports\`: what a detector has to say about one tick of one shard.
message Report {
  uint32 shard = 1;
  uint64 sequence = 2;
  double at_ms = 3;
  bool provisional = 4;
  // Services, edges, deploys, templates, traces, decisions and new series, as JSON.
  bytes detail = 5;
  Windows windows = 6;
}

// Finished windows, a row per series.
message Windows {
  uint32 length = 1;
  // Doubles.
  repeated double start = 2;
  repeated double count = 3;
  repeated double mean = 4;
  repeated double variance = 5;
  repeated double min = 6;
  repeated double max = 7;
  repeated double last = 8;
  // Little-endian: int32 for series, float32 for the others.
  bytes series = 9;
  bytes expected = 10;
  bytes lower = 11;
  bytes upper = 12;
  bytes surprise = 13;
}

// Topic \`rollups\`: per series group and tick, already combined, for what needs another key than the service.
message RollupBatch {
  string tenant = 1;
  string service = 2;
  int64 tick_ms = 3;
  repeated Rollup rows = 4;
}

message Rollup {
  string metric = 1;
  int64 count = 2;
  double mean = 3;
  // Sum of squared distances from the mean.
  double m2 = 4;
  double min = 5;
  double max = 6;
  // Log-bucket sketch as in src/features/percentile.
  bytes sketch = 7;
}
`;
