import { CASES, FULL_CASES } from './exhaustive/cases.js';
import {
  describe,
  explainFinding,
  explore,
  replay as replayChoices,
} from './exhaustive/explore.js';
import { explain, runMany } from './run-many.js';
import { runSchedule } from './schedule.js';

const USAGE = `npm run simulate -- --seed N                 replays one schedule with a trace
npm run simulate -- [--count N] [--from N]   runs many (default: 10000 from 1)
npm run simulate -- --exhaustive [--case N] [--bound N] [--seconds N]
                                             searches all interleavings of small cases: up to so
                                             many deviations and so long for each (default: no
                                             bound, 60 s)
npm run simulate -- --exhaustive --case N --path N,N,…
                                             replays one execution of them with a trace`;

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

function searchAll() {
  const seconds = number('seconds') ?? 60;
  const deviations = number('bound') ?? Infinity;
  const only = number('case');
  for (const what of only === undefined ? FULL_CASES : [CASES[only]!]) {
    const end = performance.now() + seconds * 1000;
    const result = explore(what, { deviations, isOver: () => performance.now() > end });
    console.log(describe(what, result, deviations));
    for (const [outcome, n] of result.outcomes) console.log(`${String(n).padStart(9)}  ${outcome}`);
    for (const finding of result.findings.values()) console.log(explainFinding(what, finding));
    if (result.findings.size > 0) process.exitCode = 1;
  }
}

const seed = number('seed');
const path = process.argv[process.argv.indexOf('--path') + 1];
if (process.argv.includes('--help')) console.log(USAGE);
else if (process.argv.includes('--path')) {
  const choices = path!.split(',').map(Number);
  for (const line of replayChoices(CASES[number('case') ?? 0]!, choices)) console.log(line);
} else if (process.argv.includes('--exhaustive')) searchAll();
else if (seed !== undefined) replay(seed);
else summarize(number('from') ?? 1, number('count') ?? 10_000);
