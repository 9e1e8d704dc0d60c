import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { root } from '../machine.js';

const SOURCE = fileURLToPath(new URL('bench/load/load.c', root));
const FOLDER = fileURLToPath(new URL('.build/bench/load/', root));

/** What generates the load of a whole run. */
export interface LoadProgram {
  /** Command and arguments. */
  readonly command: readonly string[];
  /** Whether it can send at a constant rate. */
  readonly hasRates: boolean;
  /** For the report. */
  readonly description: string;
}

/** The load generator in C, or that on Node.js where it cannot be compiled. */
export function buildLoadProgram(): LoadProgram {
  const binary = `${FOLDER}load`;
  mkdirSync(FOLDER, { recursive: true });
  const fresh = `${binary}-${process.pid}`;
  const { error, status, stderr } = spawnSync('cc', ['-O2', '-o', fresh, SOURCE]);
  if (!error && status === 0) {
    renameSync(fresh, binary);
    return { command: [binary], hasRates: true, description: 'load generator in C (epoll)' };
  }
  const reason = error
    ? 'there is no C compiler'
    : `cc failed: ${String(stderr).split('\n', 1)[0]}`;
  return {
    command: [process.execPath, '--enable-source-maps', `${FOLDER}load-main.js`],
    hasRates: false,
    description: `load generator on Node.js, which is slower and has no constant rates: ${reason} (apt-get install gcc libc6-dev)`,
  };
}
