import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atExit } from '../../../demo/at-exit.js';
import { Deployment } from '../../../demo/deployment.js';
import { Progress } from '../../../demo/progress.js';
import { type ExportOptions, parseOptions, usage, UsageError } from './options.js';
import { toComplaints, toJson, toTable } from './report.js';
import { runExports } from './run.js';

const APP = fileURLToPath(new URL('app/main.js', import.meta.url));
/** How long a killed server is waited for, in milliseconds. */
const GRACE_MS = '500';

async function play(options: ExportOptions): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'migration-export-'));
  const deployment = new Deployment({ mode: 'migrateClients', rate: 1, faults: false }, directory, {
    app: APP,
    path: '/export',
    variables: { MIGRATION_RELAY_HUB_RECONNECT_GRACE_MS: GRACE_MS },
  });
  const progress = new Progress(options.json ? process.stderr : process.stdout);
  atExit(() => {
    deployment.killAll();
    rmSync(directory, { recursive: true, force: true });
  });
  try {
    const result = await runExports(options, deployment, progress);
    progress.end();
    process.stderr.write(toComplaints(result));
    process.stdout.write(
      options.json ? `${JSON.stringify(toJson(options, result))}\n` : toTable(options, result),
    );
    return result.clean;
  } finally {
    progress.end();
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(usage);
  } else {
    // Clients of a failed run may still hold the event loop: the end is explicit.
    process.exit((await play(options)) ? 0 : 1);
  }
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`${(error as Error).message}\n${isUsage ? `\n${usage}` : ''}`);
  process.exit(isUsage ? 2 : 1);
}
