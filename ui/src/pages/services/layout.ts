import type { WireEdge } from '../../api/types.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Layout {
  /** Upper left corner of each service. */
  readonly nodes: ReadonlyMap<string, Point>;
  /** Places that the line of a call passes, by `caller\ncallee`: right of the caller, then each column, left of the callee. */
  readonly routes: ReadonlyMap<string, readonly Point[]>;
  readonly width: number;
  readonly height: number;
}

export const NODE = { width: 168, height: 46 } as const;
const GAP = { x: 78, y: 20 } as const;
/** Room that a line takes in a column it only passes. */
const LANE = 14;
const SWEEPS = 12;

interface Item {
  readonly id: string;
  readonly column: number;
  readonly tall: number;
  readonly around: string[];
}

/**
 * Callers left of callees, as Sugiyama has it: the longest path to a leaf gives the column (calls that close a circle
 * are ignored for that), calls that pass over columns get a lane in each, sweeps of sorting by the mean place of the
 * neighbours take out most crossings, and the columns are then pulled towards their neighbours.
 */
export function layoutOf(names: readonly string[], edges: readonly WireEdge[]): Layout {
  const known = new Set(names);
  const calls = edges.filter(({ caller, callee }) => known.has(caller) && known.has(callee) && caller !== callee);
  const column = columnsOf(names, calls);
  const items = new Map<string, Item>();
  for (const name of names) items.set(name, { id: name, column: column.get(name) ?? 0, tall: NODE.height, around: [] });
  const chains = new Map<string, readonly string[]>();
  for (const { caller, callee } of calls) {
    const [from, to] = [column.get(caller) ?? 0, column.get(callee) ?? 0];
    const lanes = Array.from({ length: Math.max(0, to - from - 1) }, (_, k) => `${caller}\n${callee}\n${from + k + 1}`);
    lanes.forEach((id, k) => {
      items.set(id, { id, column: from + k + 1, tall: LANE, around: [] });
    });
    const chain = [caller, ...lanes, callee];
    chains.set(`${caller}\n${callee}`, chain);
    for (let k = 1; k < chain.length; k++) {
      const [a, b] = [chain[k - 1] ?? '', chain[k] ?? ''];
      items.get(a)?.around.push(b);
      items.get(b)?.around.push(a);
    }
  }
  const last = Math.max(0, ...[...items.values()].map((item) => item.column));
  const layers = Array.from({ length: last + 1 }, (_, index) =>
    [...items.values()].filter((item) => item.column === index),
  );
  const middle = place(layers);
  const height = Math.max(
    NODE.height,
    ...[...items.values()].map((item) => (middle.get(item.id) ?? 0) + item.tall / 2),
  );

  const left = (at: number): number => at * (NODE.width + GAP.x);
  const nodes = new Map<string, Point>();
  for (const name of names)
    nodes.set(name, { x: left(items.get(name)?.column ?? 0), y: (middle.get(name) ?? 0) - NODE.height / 2 });
  const routes = new Map<string, readonly Point[]>();
  for (const [key, chain] of chains) {
    const points = chain.flatMap((id, k): Point[] => {
      const [x, y] = [left(items.get(id)?.column ?? 0), middle.get(id) ?? 0];
      if (k === 0) return [{ x: x + NODE.width, y }];
      if (k === chain.length - 1) return [{ x, y }];
      return [
        { x, y },
        { x: x + NODE.width, y },
      ];
    });
    routes.set(key, points);
  }
  return { nodes, routes, width: left(last) + NODE.width, height };
}

function columnsOf(names: readonly string[], calls: readonly WireEdge[]): ReadonlyMap<string, number> {
  const out = new Map(
    names.map((name) => [name, calls.filter(({ caller }) => caller === name).map(({ callee }) => callee)]),
  );
  const height = new Map<string, number>();
  const open = new Set<string>();
  const climb = (name: string): number => {
    const done = height.get(name);
    if (done !== undefined) return done;
    if (open.has(name)) return -1;
    open.add(name);
    const own = 1 + Math.max(-1, ...(out.get(name) ?? []).map(climb));
    open.delete(name);
    height.set(name, own);
    return own;
  };
  for (const name of names) climb(name);
  const top = Math.max(0, ...height.values());
  // A service that calls nobody stands right behind its last caller rather than at the far end.
  const column = new Map([...height].map(([name, own]) => [name, top - own]));
  for (const name of names) {
    if ((out.get(name) ?? []).length > 0) continue;
    const callers = calls.filter(({ callee }) => callee === name).map(({ caller }) => column.get(caller) ?? 0);
    column.set(name, callers.length === 0 ? 0 : Math.max(...callers) + 1);
  }
  return column;
}

/** Orders each layer, then gives each item the height of its middle. */
function place(layers: Item[][]): ReadonlyMap<string, number> {
  const middle = new Map<string, number>();
  const spread = (layer: readonly Item[], want: (item: Item) => number): void => {
    // As near to where its neighbours are as the item above allows; then the whole layer back up by the mean overshoot.
    let floor = Number.NEGATIVE_INFINITY;
    const placed = layer.map((item) => {
      const y = Math.max(want(item), floor + item.tall / 2);
      floor = y + item.tall / 2 + GAP.y;
      return y;
    });
    const drift =
      layer.reduce((sum, item, index) => sum + ((placed[index] ?? 0) - want(item)), 0) / Math.max(1, layer.length);
    layer.forEach((item, index) => {
      middle.set(item.id, (placed[index] ?? 0) - drift);
    });
  };
  for (const layer of layers) {
    const total = layer.reduce((sum, item) => sum + item.tall + GAP.y, 0);
    let y = -total / 2;
    for (const item of layer) {
      middle.set(item.id, y + item.tall / 2);
      y += item.tall + GAP.y;
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const layer of sweep % 2 === 0 ? layers : layers.toReversed()) {
      const want = new Map(
        layer.map((item) => [
          item.id,
          item.around.length === 0
            ? (middle.get(item.id) ?? 0)
            : item.around.reduce((sum, id) => sum + (middle.get(id) ?? 0), 0) / item.around.length,
        ]),
      );
      layer.sort((a, b) => (want.get(a.id) ?? 0) - (want.get(b.id) ?? 0) || (a.id < b.id ? -1 : 1));
      spread(layer, (item) => want.get(item.id) ?? 0);
    }
  }
  const top = Math.min(...layers.flat().map((item) => (middle.get(item.id) ?? 0) - item.tall / 2));
  for (const [id, y] of middle) middle.set(id, y - top);
  return middle;
}
