import type { Engine } from './engine.ts';

/** The pipeline in this process, without sockets. */
export async function embeddedEngine(): Promise<Engine> {
  throw new RangeError('--embedded is not wired yet: start a server and pass --endpoint and --api');
}
