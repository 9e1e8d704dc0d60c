import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { BenchRun } from './bench-run.js';
import { chooseCores } from './cores.js';
import { describeMachine, root } from './machine.js';
import { type BenchOptions, parseOptions, usage, UsageError } from './options.js';
import { evaluate, toTable, warningOf, withResult } from './report.js';
import { scenariosWith } from './scenarios.js';
import { STOCK, SUBJECTS } from './subjects.js';

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
const DOCUMENT = new URL('docs/performance.md', root);

async function bench(options: BenchOptions, args: readonly string[]): Promise<boolean> {
  if (options.profile) mkdirSync(resolve(options.profile), { recursive: true });
  const cores = chooseCores();
  const machine = describeMachine(cores);
  console.log(machine.join('\n'));
  const run = new BenchRun(options, cores, (text) => process.stderr.write(`${text}\n`));
  // However this process ends, nothing that it started outlives it.
  process.once('exit', () => run.kill());
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.once(signal, () => process.exit(128 + number));
  }
  const scenarios = scenariosWith(options.clients).filter(
    ({ id }) => options.scenario === undefined || id === options.scenario,
  );
  const samples = await run.measure(scenarios, SUBJECTS);
  const { rows, refusals } = evaluate(samples, scenarios, SUBJECTS, STOCK);
  const table = toTable(rows);
  const warning = warningOf(rows);
  console.log(`\n${table}\n`);
  if (warning) console.log(`${warning}\n`);
  for (const refusal of refusals) console.error(`error: ${refusal}`);
  if (refusals.length > 0) return false;
  if (options.write) {
    const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
    const date = new Date().toISOString().slice(0, 10);
    const facts = [`${date}, \`${command}\``, ...machine].map((line) => `- ${line}`);
    const result = [facts.join('\n'), table, ...(warning ? [warning] : [])].join('\n\n');
    writeFileSync(DOCUMENT, withResult(readFileSync(DOCUMENT, 'utf8'), result));
  }
  return true;
}

try {
  const args = process.argv.slice(2);
  const options = parseOptions(args);
  if (options === 'help') console.log(usage);
  else process.exitCode = (await bench(options, args)) ? 0 : 1;
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(isUsage ? `${error.message}\n\n${usage}` : `error: ${(error as Error).message}`);
  process.exit(isUsage ? 2 : 1);
}
