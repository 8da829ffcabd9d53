import { GATES, HEAD_BIAS, HEAD_SCALE, HIDDEN, type LstmNetwork, PART } from '../../stats/lstm/network.ts';

/** Protobuf, as much as an ONNX file needs: numbers, bytes and messages within messages. */
class Message {
  readonly #bytes: number[] = [];

  number(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    for (const byte of value) this.#bytes.push(byte);
    return this;
  }

  /** ASCII. */
  text(field: number, value: string): this {
    return this.bytes(
      field,
      Uint8Array.from(value, (character) => character.charCodeAt(0)),
    );
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.finish());
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#bytes.push((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.#bytes.push(rest);
  }
}

const FLOAT = 1;
const INT64 = 7;

function littleEndian(count: number, size: number, write: (view: DataView, i: number) => void): Uint8Array {
  const bytes = new Uint8Array(count * size);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) write(view, i);
  return bytes;
}

function floats(name: string, dims: readonly number[], values: readonly number[]): Message {
  const tensor = new Message();
  for (const dim of dims) tensor.number(1, dim);
  return tensor
    .number(2, FLOAT)
    .text(8, name)
    .bytes(
      9,
      littleEndian(values.length, 4, (view, i) => view.setFloat32(i * 4, values[i]!, true)),
    );
}

function integers(name: string, values: readonly number[]): Message {
  return new Message()
    .number(1, values.length)
    .number(2, INT64)
    .text(8, name)
    .bytes(
      9,
      littleEndian(values.length, 8, (view, i) => view.setInt32(i * 8, values[i]!, true)),
    );
}

function node(operator: string, inputs: readonly string[], outputs: readonly string[], hidden?: number): Message {
  const message = new Message();
  for (const input of inputs) message.text(1, input);
  for (const output of outputs) message.text(2, output);
  message.text(4, operator);
  if (hidden !== undefined) message.message(5, new Message().text(1, 'hidden_size').number(3, hidden).number(20, 2));
  return message;
}

function value(name: string, dims: readonly (number | string)[]): Message {
  const shape = new Message();
  for (const dim of dims)
    shape.message(1, typeof dim === 'number' ? new Message().number(1, dim) : new Message().text(2, dim));
  return new Message()
    .text(1, name)
    .message(2, new Message().message(1, new Message().number(1, FLOAT).message(2, shape)));
}

/** ONNX orders the gates input, output, forget, cell. */
const ONNX_GATES = [0, 3, 1, 2];

/**
 * The network as an ONNX model (IR 8, opset 13): inputs `x` [steps, series, 1], `h` and `c` [1, series, 32]; outputs `y`
 * [steps, series, 2] (mean and log scale after each step), `h_next` and `c_next`. For use elsewhere, and to hold our
 * kernel against ONNX Runtime.
 */
export function lstmToOnnx({ weights: w }: LstmNetwork): Uint8Array {
  const units = ONNX_GATES.flatMap((gate) => Array.from({ length: HIDDEN }, (_, u) => gate * HIDDEN + u));
  const input = units.map((j) => w[PART.input + j]!);
  const recurrent = units.flatMap((j) => Array.from({ length: HIDDEN }, (_, k) => w[PART.hidden + k * GATES + j]!));
  const bias = [...units.map((j) => w[PART.bias + j]!), ...units.map(() => 0)];
  const head = Array.from({ length: HIDDEN }, (_, u) => [w[PART.mean + u]!, w[HEAD_SCALE + u]!]).flat();
  const graph = new Message()
    .message(1, node('LSTM', ['x', 'W', 'R', 'B', '', 'h', 'c'], ['hidden', 'h_next', 'c_next'], HIDDEN))
    .message(1, node('Squeeze', ['hidden', 'direction'], ['flat']))
    .message(1, node('MatMul', ['flat', 'head'], ['product']))
    .message(1, node('Add', ['product', 'head_bias'], ['y']))
    .text(2, 'tocsin-lstm')
    .message(5, floats('W', [1, GATES, 1], input))
    .message(5, floats('R', [1, GATES, HIDDEN], recurrent))
    .message(5, floats('B', [1, 2 * GATES], bias))
    .message(5, integers('direction', [1]))
    .message(5, floats('head', [HIDDEN, 2], head))
    .message(5, floats('head_bias', [2], [w[HEAD_BIAS]!, w[HEAD_BIAS + 1]!]));
  const state: readonly (number | string)[] = [1, 'series', HIDDEN];
  graph
    .message(11, value('x', ['steps', 'series', 1]))
    .message(11, value('h', state))
    .message(11, value('c', state));
  graph
    .message(12, value('y', ['steps', 'series', 2]))
    .message(12, value('h_next', state))
    .message(12, value('c_next', state));
  const opset = new Message().text(1, '').number(2, 13);
  return new Message().number(1, 8).text(2, 'tocsin').message(7, graph).message(8, opset).finish();
}
