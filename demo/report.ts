import type { DemoOptions } from './options.js';
import { type DemoResult, total } from './run.js';

/** The object of `--json`. */
export function toJson({ clients, rolls }: DemoOptions, result: DemoResult) {
  const { sent, received, lost, duplicated, outOfOrder, unexpectedCloses } = result.verdict;
  return {
    clients,
    rolls,
    sent,
    received,
    lost,
    duplicated,
    outOfOrder,
    unexpectedCloses,
    migrations: result.migrations,
    failedMigrations: total(result.failedMigrations),
    pauseMs: result.pauses,
    durationMs: result.durationMs,
    ...(result.faults && { repeated: result.verdict.repeated, faults: result.faults }),
  };
}

/** The verdict for people. */
export function toTable(options: DemoOptions, result: DemoResult): string {
  const { verdict, pauses } = result;
  const { lost, lostAllowed } = verdict;
  const number = (value: number) => value.toLocaleString('en-US');
  const fault = (value: number, allowed = 0, note = '') =>
    `${number(value).padStart(12)}  ${value > allowed ? 'VIOLATION' : 'ok'}${note}`;
  const figure = (value: number, note = '') => `${number(value).padStart(12)}  ${note}`.trimEnd();
  const ends = result.faults
    ? 'unsent by killed and frozen servers'
    : 'at closes, as expected of the mode';
  const atEnd = lostAllowed > 0 ? `, ${number(lostAllowed)} ${ends}` : '';
  const faults: [string, string][] = result.faults
    ? [
        ['repeated', figure(verdict.repeated, 'unanswered when their server was lost')],
        ['kills by SIGKILL', figure(result.faults.kills)],
        ['freezes', figure(result.faults.freezes)],
        ['isolations', figure(result.faults.isolations, 'all service connections of a server')],
        ['cuts', figure(result.faults.cuts, 'single service connections')],
        ['ingress reloads', figure(result.faults.announcedReloads, 'announced to the relay')],
        ['', figure(result.faults.surpriseReloads, 'by surprise')],
      ]
    : [];
  const rows: [string, string][] = [
    ['clients', figure(options.clients, 'half busy, half idle')],
    ['rolls', figure(options.rolls, 'of two hub servers')],
    ['messages sent', figure(verdict.sent, 'both directions')],
    ['messages received', figure(verdict.received)],
    ['lost', fault(lost, lostAllowed, atEnd)],
    ['duplicated', fault(verdict.duplicated)],
    ...faults,
    ['out of order', fault(verdict.outOfOrder)],
    ['foreign', fault(verdict.foreign)],
    ['corrupted', fault(verdict.corrupted)],
    ['changed connectionId', fault(verdict.renamed)],
    ['unpaired connects', fault(verdict.unpaired)],
    ['unexpected closes', fault(verdict.unexpectedCloses)],
    ['expected closes', figure(verdict.expectedCloses, `by servers, mode ${options.mode}`)],
    ['migrations', figure(result.migrations)],
    [
      'failed migrations',
      options.faults
        ? figure(total(result.failedMigrations), 'attempts that faults ended, tried again')
        : fault(total(result.failedMigrations)),
    ],
    ['pause p50 / p99 / max', `${pauses.p50} / ${pauses.p99} / ${pauses.max} ms`.padStart(12)],
    ['duration', `${(result.durationMs / 1000).toFixed(1)} s`.padStart(12)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  const verdictLine = result.clean ? 'VERDICT: as promised' : 'VERDICT: VIOLATED';
  return `\n${lines.join('\n')}\n\n${verdictLine} (mode ${options.mode}, seed ${options.seed})\n`;
}

/** A sentence for each of the first violations. */
export function toComplaints({ verdict, problems }: DemoResult): string {
  return [...problems, ...verdict.examples].map((line) => `  ${line}\n`).join('');
}
