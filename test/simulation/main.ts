import { explain, runMany } from './run-many.js';
import { runSchedule } from './schedule.js';

const USAGE = `npm run simulate -- --seed N                 replays one schedule with a trace
npm run simulate -- [--count N] [--from N]   runs many (default: 10000 from 1)`;

function number(name: string): number | undefined {
  const at = process.argv.indexOf(`--${name}`);
  if (at < 0) return undefined;
  const value = Number(process.argv[at + 1]);
  if (!Number.isSafeInteger(value)) throw new Error(`--${name} must be an integer\n${USAGE}`);
  return value;
}

function replay(seed: number) {
  const { violations } = runSchedule(seed, (line) => console.log(line));
  if (violations.length === 0) console.log(`seed ${seed}: all invariants hold`);
  for (const violation of violations) console.log(`seed ${seed}: ${violation}`);
  if (violations.length > 0) process.exitCode = 1;
}

function summarize(from: number, count: number) {
  const started = performance.now();
  const { events, failures, occurred } = runMany(from, count);
  const perSecond = (count * 1000) / (performance.now() - started);
  for (const [what, n] of [...occurred].sort(([a], [b]) => a.localeCompare(b))) {
    console.log(`${String(n).padStart(9)}  ${what}`);
  }
  for (const failure of failures.slice(0, 20)) console.log(explain(failure));
  if (failures.length > 0) process.exitCode = 1;
  console.log(
    `${count} schedules, ${failures.length} failed, ${events} events, ` +
      `${perSecond.toFixed(0)} schedules/s`,
  );
}

const seed = number('seed');
if (process.argv.includes('--help')) console.log(USAGE);
else if (seed !== undefined) replay(seed);
else summarize(number('from') ?? 1, number('count') ?? 10_000);
