import { type ServerRole, startApp } from './apps.js';
import { fail, onTold, tell } from './parent.js';

/** A server process: `node server.js <role> [port of the relay]`. */
const [role, relayPort] = process.argv.slice(2);

try {
  const { app, port } = await startApp(role as ServerRole, Number(relayPort));
  onTold(async ({ kind }) => {
    if (kind === 'cpu?') {
      const { user, system } = process.cpuUsage();
      await tell({ kind: 'cpu', micros: user + system });
    } else {
      await app.close();
      process.exit(0);
    }
  });
  await tell({ kind: 'ready', port });
} catch (error) {
  await fail(error);
}
