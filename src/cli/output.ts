/** What the command line prints: bars on a terminal, plain lines in a pipe, colours only where they are wanted. */
export interface Output {
  line(text: string): void;
  error(text: string): void;
  /** A named progress, 0-1; prints at most ten lines when not on a terminal. */
  progress(name: string, share: number): void;
}

const WIDTH = 28;

export function createOutput(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Output {
  const lastTenth = new Map<string, number>();
  let bar = false;
  const clear = (): void => {
    if (bar) stderr.write('\r\x1b[K');
    bar = false;
  };
  return {
    line(text) {
      clear();
      stdout.write(`${text}\n`);
    },
    error(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    progress(name, share) {
      const part = Math.min(1, Math.max(0, share));
      if (stderr.isTTY) {
        const done = Math.round(part * WIDTH);
        stderr.write(`\r\x1b[K${name} [${'#'.repeat(done)}${'.'.repeat(WIDTH - done)}] ${Math.floor(part * 100)} %`);
        bar = true;
        if (part >= 1) {
          stderr.write('\n');
          bar = false;
        }
        return;
      }
      const tenth = Math.floor(part * 10);
      if (tenth === lastTenth.get(name)) return;
      lastTenth.set(name, tenth);
      stderr.write(`${name}: ${tenth * 10} %\n`);
    },
  };
}
