import { createKernelRows } from '../stats/kernel-rows.ts';
import { FUSE_WASM } from '../stats/kernels/fuse-wasm.ts';
import { type KernelMemory, loadKernel } from '../stats/kernels/load.ts';
import type { Rows } from '../stats/rows.ts';
import { CALIBRATOR, type FusedCalibrator } from './calibrate/fused-calibrator.ts';
import { GATE, type LearnGate } from './combine/learn-gate.ts';

interface Kernel {
  readonly memory: KernelMemory;
  base(): number;
  tablesAt(): number;
  parametersAt(): number;
  place(columns: number, samples: number, calibrators: number, gates: number): void;
  modes(n: number): void;
  judge(n: number): number;
  settle(n: number): number;
}

/** Columns of a batch in the kernel's memory; replaced when that grows. */
export interface FuseColumns {
  readonly fused: Float64Array;
  /** -log10 p before it is rounded to 32 bits. */
  readonly strange: Float64Array;
  readonly series: Int32Array;
  readonly sum: Float32Array;
  readonly rare: Float32Array;
  readonly surprise: Float32Array;
  readonly extent: Float32Array;
  /** Samples that the calibrator has to judge. */
  readonly unusual: Int32Array;
  /** Samples of which the gate or the calibrator has more to learn, see `settle`. */
  readonly unsettled: Int32Array;
  readonly known: Uint8Array;
  readonly mode: Uint8Array;
  readonly changePoint: Uint8Array;
  readonly ready: Uint8Array;
}

/** Scores above this are no longer told apart. */
const MOST = 8;
const SAMPLE_BYTES = 48;

/**
 * What becomes of nineteen samples of twenty, in a kernel: the state of calibrator and gate lies in its memory, and they
 * themselves see only the samples that leave the ordinary course.
 */
export function createOrdinaryCourse(
  ordinaryCap: number,
  make: (calibrator: Rows, gate: Rows) => { readonly calibrator: FusedCalibrator; readonly gate: LearnGate },
) {
  const kernel = loadKernel<Kernel>(FUSE_WASM);
  const memory = createKernelRows(kernel.memory, kernel.base(), SAMPLE_BYTES, [CALIBRATOR.width, GATE.width], () => {
    kernel.place(memory.columnsAt, memory.room, memory.at[0]!, memory.at[1]!);
    columns = columnsOf();
  });
  const parts = make(memory.rows[0]!, memory.rows[1]!);
  const { calibrator, gate } = parts;
  new Float64Array(kernel.memory.buffer, kernel.tablesAt(), 66).set([...CALIBRATOR.edges, ...CALIBRATOR.common]);
  new Float64Array(kernel.memory.buffer, kernel.parametersAt(), 7).set([
    ordinaryCap,
    MOST,
    CALIBRATOR.ordinary,
    CALIBRATOR.warmup,
    CALIBRATOR.halveAt,
    gate.calm,
    gate.fade,
  ]);
  let columns = columnsOf();

  function columnsOf(): FuseColumns {
    const { buffer } = kernel.memory;
    const { room } = memory;
    let at = memory.columnsAt;
    const next = (bytes: number): number => {
      at += bytes * room;
      return at - bytes * room;
    };
    const floats = (): Float32Array => new Float32Array(buffer, next(4), room);
    return {
      fused: new Float64Array(buffer, next(8), room),
      strange: new Float64Array(buffer, next(8), room),
      series: new Int32Array(buffer, next(4), room),
      sum: floats(),
      rare: floats(),
      surprise: floats(),
      extent: floats(),
      unusual: new Int32Array(buffer, next(4), room),
      unsettled: new Int32Array(buffer, next(4), room),
      known: new Uint8Array(buffer, next(1), room),
      mode: new Uint8Array(buffer, next(1), room),
      changePoint: new Uint8Array(buffer, next(1), room),
      ready: new Uint8Array(buffer, next(1), room),
    };
  }

  return {
    ...parts,
    get columns(): FuseColumns {
      return columns;
    },
    /** Makes the columns hold `samples`. */
    makeRoom(samples: number): void {
      // Columns a multiple of 4 KiB apart would share the few cache lines of one set.
      if (samples > memory.room) memory.makeRoom(Math.ceil(Math.max(samples, 2 * memory.room) / 1024) * 1024 + 144);
    },
    /** Fills `mode` from `series`. */
    modes: kernel.modes,
    /** Fills `strange` from `series`, `sum`, `rare` and `known`; gives the number of unusual samples, whose `strange` is final as well. */
    judge(length: number): number {
      const unusual = kernel.judge(length);
      const { series, fused, strange, unusual: which } = columns;
      for (let k = 0; k < unusual; k++) {
        const i = which[k]!;
        strange[i] = calibrator.surprise(series[i]!, fused[i]!);
      }
      return unusual;
    },
    /** Learns; fills `surprise`, `extent`, `ready` and `changePoint`. */
    settle(length: number, time: Float64Array): void {
      const unsettled = kernel.settle(length);
      const { series, fused, strange, extent, changePoint, unsettled: which } = columns;
      for (let k = 0; k < unsettled; k++) {
        const i = which[k]! >> 2;
        const s = series[i]!;
        if ((which[k]! & 1) !== 0) {
          if (gate.update(s, time[i]!, strange[i]!)) changePoint[i] = 1;
          extent[i] = gate.extentOf(s);
        }
        if ((which[k]! & 2) !== 0) calibrator.learn(s, fused[i]!);
      }
    },
  };
}
