import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchProcess } from '../processes/bench-process.js';
import { HOST } from '../servers/started-server.js';

const LIMIT_MS = 10_000;

/**
 * Waits until a process accepts connections.
 * @throws when it has ended, or does not in time
 */
export async function whenListening(child: BenchProcess, port: number): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await accepts(port))) {
    if (child.hasEnded) throw child.failure('ended before it accepted connections');
    if (performance.now() > deadline) throw child.failure(`does not accept connections on ${port}`);
    await sleep(10);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
