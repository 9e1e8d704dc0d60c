import type { ReloadOptions } from './options.js';
import type { ReloadRecord } from './reload.js';
import type { ReloadResult } from './run.js';

/** The object of `--json`. */
export function toJson({ flavour, surprise, clients }: ReloadOptions, result: ReloadResult) {
  const { sent, received, lost, duplicated, outOfOrder, unexpectedCloses } = result.verdict;
  return {
    proxy: flavour,
    surprise,
    clients,
    reloads: result.reloads.map(rounded),
    sent,
    received,
    lost,
    duplicated,
    outOfOrder,
    unexpectedCloses,
    durationMs: result.durationMs,
  };
}

/** The verdict for people. */
export function toTable(options: ReloadOptions, result: ReloadResult): string {
  const { verdict } = result;
  const number = (value: number) => value.toLocaleString('en-US');
  const fault = (value: number) => `${number(value)}${value > 0 ? '  VIOLATION' : ''}`;
  const rows: [string, string][] = [
    ['clients', number(options.clients)],
    ['reloads', `${number(options.reloads)}, ${options.surprise ? 'by surprise' : 'announced'}`],
    ['links moved ahead', number(sum(result, ({ moved }) => moved))],
    ['links rebound', number(sum(result, ({ rebound }) => rebound))],
    ['messages sent', number(verdict.sent)],
    ['messages received', number(verdict.received)],
    ['lost', fault(verdict.lost)],
    ['duplicated', fault(verdict.duplicated)],
    ['out of order', fault(verdict.outOfOrder)],
    ['clients closed', fault(verdict.unexpectedCloses)],
    ['duration', `${(result.durationMs / 1000).toFixed(1)} s`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(20)}${value}`);
  const verdictLine = result.clean ? 'VERDICT: as promised' : 'VERDICT: VIOLATED';
  return `\n${lines.join('\n')}\n\n${verdictLine} (${options.flavour}, seed ${options.seed})\n`;
}

/** A sentence for each of the first violations. */
export function toComplaints({ verdict, problems }: ReloadResult): string {
  return [...problems, ...verdict.examples].map((line) => `  ${line}\n`).join('');
}

function sum({ reloads }: ReloadResult, of: (record: ReloadRecord) => number): number {
  return reloads.reduce((total, record) => total + of(record), 0);
}

function rounded(record: ReloadRecord): ReloadRecord {
  const { announcedMs, reloadMs } = record;
  return { ...record, announcedMs: Math.round(announcedMs), reloadMs: Math.round(reloadMs) };
}
