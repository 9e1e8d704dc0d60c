import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from './at-exit.js';
import { Deployment } from './deployment.js';
import { type DemoOptions, parseOptions, usage, UsageError } from './options.js';
import { Progress } from './progress.js';
import { toComplaints, toJson, toTable } from './report.js';
import { runDemo } from './run.js';

async function demo(options: DemoOptions): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'migration-demo-'));
  const deployment = new Deployment(options, directory);
  const progress = new Progress(options.json ? process.stderr : process.stdout);
  let keepLedgers = false;
  atExit(() => {
    deployment.killAll();
    if (!keepLedgers) {
      rmSync(directory, { recursive: true, force: true });
    }
  });
  try {
    const result = await runDemo(options, deployment, progress);
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

function fail(message: string, code: number): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = code;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(usage);
  } else {
    // Clients of a failed run may still hold the event loop: the end is explicit.
    process.exit((await demo(options)) ? 0 : 1);
  }
} catch (error) {
  if (error instanceof UsageError) {
    fail(`${error.message}\n\n${usage}`, 2);
  } else {
    fail(error instanceof Error ? error.message : String(error), 1);
    process.exit();
  }
}
