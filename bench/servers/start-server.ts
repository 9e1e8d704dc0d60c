import type { ServerRole, StartedServer } from './started-server.js';

/** A process loads only what its role needs. */
export async function startServer(role: ServerRole, args: string[]): Promise<StartedServer> {
  switch (role) {
    case 'ws':
      return (await import('./bare-ws.js')).startBareWs();
    case 'socket.io':
      return (await import('./socket-io.js')).startSocketIo(Number(args[0]));
    case 'stock':
      return (await import('./apps.js')).startStock();
    default:
      return (await import('./apps.js')).startMigrating(role, args);
  }
}
