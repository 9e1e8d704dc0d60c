import { fileURLToPath } from 'node:url';
import { compile } from '../compile.js';
import { root } from '../machine.js';

const ON_NODE = fileURLToPath(new URL('.build/bench/load/load-main.js', root));

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
  try {
    const command = [compile('bench/load/load')];
    return { command, hasRates: true, description: 'load generator in C (epoll)' };
  } catch (error) {
    return {
      command: [process.execPath, '--enable-source-maps', ON_NODE],
      hasRates: false,
      description: `load generator on Node.js, which is slower and has no constant rates: ${(error as Error).message} (apt-get install gcc libc6-dev)`,
    };
  }
}
