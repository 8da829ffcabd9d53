import type { WireEdge } from '../../api/types.ts';

export interface Placed {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}
export interface Layout {
  readonly nodes: ReadonlyMap<string, Placed>;
  readonly width: number;
  readonly height: number;
}

export const NODE = { width: 148, height: 44 } as const;
const GAP = { x: 84, y: 22 } as const;
const SWEEPS = 6;

/**
 * Callers left of callees: longest path from the roots gives the column (calls that close a circle are ignored), and a
 * few sweeps of sorting by the mean place of the neighbours take out most crossings (Sugiyama's method, the short form).
 */
export function layoutOf(names: readonly string[], edges: readonly WireEdge[]): Layout {
  const known = new Set(names);
  const calls = edges.filter(({ caller, callee }) => known.has(caller) && known.has(callee) && caller !== callee);
  const out = new Map(
    names.map((name) => [name, calls.filter(({ caller }) => caller === name).map(({ callee }) => callee)]),
  );
  const depth = depths(names, out);
  const columns: string[][] = [];
  for (const name of names) {
    const column = depth.get(name) ?? 0;
    columns[column] = [...(columns[column] ?? []), name];
  }
  const layers = columns.filter((column) => column !== undefined);
  const neighbours = new Map(
    names.map((name) => [
      name,
      calls.flatMap(({ caller, callee }) => (caller === name ? [callee] : callee === name ? [caller] : [])),
    ]),
  );
  for (let sweep = 0; sweep < SWEEPS; sweep++) untangle(layers, neighbours);

  const tallest = Math.max(1, ...layers.map((layer) => layer.length));
  const height = tallest * (NODE.height + GAP.y) - GAP.y;
  const nodes = new Map<string, Placed>();
  layers.forEach((layer, column) => {
    const free = height - layer.length * NODE.height;
    const gap = free / (layer.length + 1);
    layer.forEach((name, row) => {
      nodes.set(name, { name, x: column * (NODE.width + GAP.x), y: gap * (row + 1) + row * NODE.height });
    });
  });
  return { nodes, width: layers.length * (NODE.width + GAP.x) - GAP.x, height };
}

function depths(names: readonly string[], out: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const depth = new Map<string, number>();
  const onPath = new Set<string>();
  const height = (name: string): number => {
    const done = depth.get(name);
    if (done !== undefined) return done;
    if (onPath.has(name)) return -1;
    onPath.add(name);
    const below = Math.max(-1, ...(out.get(name) ?? []).map(height));
    onPath.delete(name);
    depth.set(name, below + 1);
    return below + 1;
  };
  for (const name of names) height(name);
  const deepest = Math.max(0, ...depth.values());
  const called = new Set([...out.values()].flat());
  const column = new Map<string, number>();
  for (const [name, value] of depth)
    column.set(name, called.has(name) || (out.get(name) ?? []).length > 0 ? deepest - value : deepest);
  return column;
}

function untangle(layers: string[][], neighbours: ReadonlyMap<string, readonly string[]>): void {
  for (const layer of layers) {
    const place = new Map<string, number>();
    for (const other of layers) other.forEach((name, row) => place.set(name, (row + 1) / (other.length + 1)));
    const middle = (name: string): number => {
      const around = neighbours.get(name) ?? [];
      return around.length === 0
        ? 0.5
        : around.reduce((sum, other) => sum + (place.get(other) ?? 0.5), 0) / around.length;
    };
    const want = new Map(layer.map((name) => [name, middle(name)]));
    layer.sort((a, b) => (want.get(a) ?? 0) - (want.get(b) ?? 0) || a.localeCompare(b));
  }
}
