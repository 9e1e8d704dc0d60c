import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from '../../../demo/at-exit.js';
import { Progress } from '../../../demo/progress.js';
import { parseOptions, type ReloadOptions, usage, UsageError } from './options.js';
import { toComplaints, toJson, toTable } from './report.js';
import { runReloads } from './run.js';
import { Site } from './site.js';

async function play(options: ReloadOptions): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'migration-ingress-'));
  const site = new Site(options, directory);
  const progress = new Progress(options.json ? process.stderr : process.stdout);
  let keepLedgers = false;
  atExit(() => {
    site.killAll();
    if (!keepLedgers) {
      rmSync(directory, { recursive: true, force: true });
    }
  });
  try {
    const result = await runReloads(options, site, progress);
    progress.end();
    if (!result.clean) {
      keepLedgers = true;
      process.stderr.write(`${toComplaints(result)}  the gateways' ledgers are in ${directory}\n`);
    }
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
