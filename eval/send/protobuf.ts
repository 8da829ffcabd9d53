/** A growing protobuf writer: just what OTLP needs. Nested messages are written into a scratch writer and copied. */
export class ProtoWriter {
  private bytes: Uint8Array;
  private view: DataView;
  private at = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  reset(): void {
    this.at = 0;
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.at);
  }

  private room(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.at + more));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  private rawVarint(value: number): void {
    this.room(10);
    let rest = value;
    while (rest >= 128) {
      this.bytes[this.at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.at++] = rest;
  }

  varint(field: number, value: number): void {
    this.rawVarint(field * 8);
    this.rawVarint(value);
  }

  /** Wire type fixed64 from whole nanoseconds since the epoch. */
  fixed64(field: number, value: bigint): void {
    this.rawVarint(field * 8 + 1);
    this.room(8);
    this.view.setBigUint64(this.at, value, true);
    this.at += 8;
  }

  double(field: number, value: number): void {
    this.rawVarint(field * 8 + 1);
    this.room(8);
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  raw(field: number, value: Uint8Array): void {
    this.rawVarint(field * 8 + 2);
    this.rawVarint(value.length);
    this.room(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  text(field: number, value: string): void {
    this.raw(field, Buffer.from(value, 'utf8'));
  }

  message(field: number, body: (nested: ProtoWriter) => void): void {
    const nested = new ProtoWriter(256);
    body(nested);
    this.rawVarint(field * 8 + 2);
    this.rawVarint(nested.at);
    this.room(nested.at);
    this.bytes.set(nested.bytes.subarray(0, nested.at), this.at);
    this.at += nested.at;
  }
}
