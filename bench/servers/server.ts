import { setImmediate as nextTurn } from 'node:timers/promises';
import { fail, onAsked, tell } from '../processes/parent.js';
import type { Request } from '../processes/messages.js';
import { startServer } from './start-server.js';
import type { ServerRole, StartedServer } from './started-server.js';

const COLLECTIONS = 3;

/** A server process: `node server.js <role> [arguments of the role]`. */
const [role, ...args] = process.argv.slice(2);

try {
  const server = await startServer(role as ServerRole, args);
  onAsked((request) => answer(server, request));
  await tell({ kind: 'ready', port: server.port });
} catch (error) {
  await fail(error);
}

async function answer(server: StartedServer, request: Request): Promise<void> {
  switch (request) {
    case 'collect':
      for (let time = 0; time < COLLECTIONS; time += 1) {
        globalThis.gc?.();
        await nextTurn();
      }
      return tell({ kind: 'collected', heap: process.memoryUsage().heapUsed });
    case 'connections':
      return tell({ kind: 'connections', count: server.migration!.stats().hub!.connections });
    case 'drain': {
      const { migrated, closed, durationMs } = await server.migration!.drain();
      return tell({ kind: 'drained', migrated, closed, ms: durationMs });
    }
    case 'stop':
      await server.close();
      process.exit(0);
  }
}
