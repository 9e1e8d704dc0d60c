import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { BenchRun } from './bench-run.js';
import { chooseCores } from './cores.js';
import { buildLoadProgram } from './load/build-load.js';
import { describeMachine } from './machine.js';
import { raiseOpenFiles } from './open-files.js';
import { type BenchOptions, parseOptions, usage, UsageError } from './options.js';
import { hasProgram, planOf, type Step } from './plan.js';
import { type Baseline, checkRatios } from './report/check.js';
import { evaluate, type Row } from './report/rows.js';
import { BASELINE, fullReport, writeReport } from './report/full-report.js';
import { change, steeringOf } from './steering.js';

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

async function bench(options: BenchOptions, args: readonly string[]): Promise<boolean> {
  if (process.platform !== 'linux') throw new Error('the bench needs Linux: it reads /proc');
  const baseline = options.check ? readBaseline() : undefined;
  if (options.profile) mkdirSync(resolve(options.profile), { recursive: true });
  const cores = chooseCores();
  const maxFiles = raiseOpenFiles();
  const program = buildLoadProgram();
  const steered = 'each core does the TCP work of its own processes';
  const machine = [
    ...describeMachine(cores),
    program.description,
    ...(options.steer ? [steered] : []),
  ];
  const { steps, leftOut } = planOf(options, {
    maxFiles,
    hasRates: program.hasRates,
    has: hasProgram,
  });
  console.log([...machine, ...leftOut, ''].join('\n'));
  const { seconds, profile } = options;
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const run = new BenchRun(
    options.runs,
    { cores, program, maxFiles, seconds, profile: profile && resolve(profile) },
    progress,
  );
  const restore = options.steer ? change(steeringOf(cores)) : undefined;
  // However this process ends, nothing that it started or changed outlives it.
  process.once('exit', () => {
    run.kill();
    restore?.();
  });
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.once(signal, () => process.exit(128 + number));
  }
  const result = evaluate(await run.measure(steps));
  const about = {
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  };
  const report = { ...about, machine, leftOut, result };
  console.log(`\n${fullReport(report)}`);
  if (options.write) writeReport(report);
  for (const problem of result.problems) console.error(`error: ${problem}`);
  const isLower = baseline !== undefined && hasDropped(baseline, result.rows, steps);
  return result.problems.length === 0 && !isLower;
}

function hasDropped(baseline: Baseline, rows: readonly Row[], steps: readonly Step[]): boolean {
  const wasMeasured = ({ scenario, subject }: Pick<Row, 'scenario' | 'subject'>) =>
    steps.some(
      (step) => step.scenario.id === scenario && step.subjects.some(({ id }) => id === subject),
    );
  const { compared, drops } = checkRatios(rows, baseline, wasMeasured);
  for (const drop of drops) console.error(`error: ${drop}`);
  console.log(`${compared} ratios compared with those of ${baseline.date}, ${drops.length} lower`);
  return drops.length > 0 || compared === 0;
}

function readBaseline(): Baseline {
  if (!existsSync(BASELINE)) {
    throw new Error('there is no bench/baseline.json to compare with: --write makes it');
  }
  return JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline;
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
