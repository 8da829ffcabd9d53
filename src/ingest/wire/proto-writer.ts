/** Writes protobuf into one growing buffer. For the JSON decoders, tests and benchmarks; nothing hot writes protobuf. */
export class ProtoWriter {
  private buf = new Uint8Array(4096);
  private view = new DataView(this.buf.buffer);
  private pos = 0;
  private readonly encoder = new TextEncoder();

  get length(): number {
    return this.pos;
  }

  reset(): void {
    this.pos = 0;
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.buf.slice(0, this.pos);
  }

  private room(bytes: number): void {
    if (this.pos + bytes <= this.buf.length) return;
    const next = new Uint8Array(Math.max(this.buf.length * 2, this.pos + bytes));
    next.set(this.buf.subarray(0, this.pos));
    this.buf = next;
    this.view = new DataView(next.buffer);
  }

  rawVarint(value: number): void {
    this.room(10);
    let rest = value;
    while (rest >= 128) {
      this.buf[this.pos++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.buf[this.pos++] = rest;
  }

  rawVarint64(value: bigint): void {
    this.room(10);
    let rest = BigInt.asUintN(64, value);
    while (rest >= 128n) {
      this.buf[this.pos++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.buf[this.pos++] = Number(rest);
  }

  rawFixed64(value: bigint): void {
    this.room(8);
    this.view.setBigUint64(this.pos, BigInt.asUintN(64, value), true);
    this.pos += 8;
  }

  rawDouble(value: number): void {
    this.room(8);
    this.view.setFloat64(this.pos, value, true);
    this.pos += 8;
  }

  tag(field: number, type: number): void {
    this.rawVarint(field * 8 + type);
  }

  varint(field: number, value: number): void {
    this.tag(field, 0);
    this.rawVarint(value);
  }

  varint64(field: number, value: bigint): void {
    this.tag(field, 0);
    this.rawVarint64(value);
  }

  fixed64(field: number, value: bigint): void {
    this.tag(field, 1);
    this.rawFixed64(value);
  }

  double(field: number, value: number): void {
    this.tag(field, 1);
    this.rawDouble(value);
  }

  bytes(field: number, value: Uint8Array): void {
    this.tag(field, 2);
    this.rawVarint(value.length);
    this.room(value.length);
    this.buf.set(value, this.pos);
    this.pos += value.length;
  }

  string(field: number, value: string): void {
    this.tag(field, 2);
    this.room(5 + value.length * 3);
    const start = this.pos + 1;
    const { written } = this.encoder.encodeInto(value, this.buf.subarray(start));
    this.pos = start + written;
    this.end(start);
  }

  /** Opens a nested message (or packed field); hand the result to `end`. */
  begin(field: number): number {
    this.tag(field, 2);
    this.room(5);
    return ++this.pos;
  }

  /** Closes what `begin` opened: writes its length, and moves it if that takes more than the one byte kept free. */
  end(start: number): void {
    const length = this.pos - start;
    if (length < 128) {
      this.buf[start - 1] = length;
      return;
    }
    let extra = 0;
    for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) extra++;
    this.room(extra);
    this.buf.copyWithin(start + extra, start, this.pos);
    const stop = this.pos + extra;
    this.pos = start - 1;
    this.rawVarint(length);
    this.pos = stop;
  }
}
