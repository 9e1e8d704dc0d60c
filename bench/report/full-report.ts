import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { root } from '../machine.js';
import { acceptanceOf, acceptanceTable } from './acceptance.js';
import type { Baseline } from './check.js';
import { withResult } from './document.js';
import { plotsOf } from './plots.js';
import type { Result } from './rows.js';
import { toTables, warningOf } from './tables.js';

export const BASELINE = new URL('bench/baseline.json', root);
const DOCUMENT = new URL('docs/performance.md', root);
const PLOTS = new URL('docs/performance/', root);

/** A result with what a reader has to know of it. */
export interface Report {
  readonly command: string;
  readonly machine: readonly string[];
  readonly leftOut: readonly string[];
  readonly result: Result;
}

/** The result as Markdown; plots are named where they are. */
export function fullReport(
  { leftOut, result: { rows, problems } }: Report,
  plots: readonly string[] = [],
): string {
  const warning = warningOf(rows);
  return [
    ...(warning ? [warning] : []),
    ...listed('Not measured:', leftOut),
    ...listed(
      'Not counted:',
      problems.map((problem) => problem.replaceAll('\n', ' ')),
    ),
    ...plots,
    toTables(rows),
    `### Acceptance\n\n${acceptanceTable(acceptanceOf(rows))}`,
  ].join('\n\n');
}

/** Puts the result into the documentation, and into the file that `--check` compares with. */
export function writeReport(report: Report): void {
  const { command, machine, result } = report;
  const date = new Date().toISOString().slice(0, 10);
  mkdirSync(PLOTS, { recursive: true });
  const plots = plotsOf(result.rows).map(({ name, title, svg }) => {
    writeFileSync(new URL(name, PLOTS), svg);
    return `![${title}](performance/${name})`;
  });
  const facts = [`${date}, \`${command}\``, ...machine].map((line) => `- ${line}`).join('\n');
  const text = `${facts}\n\n${fullReport(report, plots)}`;
  writeFileSync(DOCUMENT, withResult(readFileSync(DOCUMENT, 'utf8'), text));
  const baseline: Baseline = { date, machine, rows: result.rows };
  writeFileSync(BASELINE, `${JSON.stringify(baseline, roundNumbers, 2)}\n`);
}

function listed(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [[title, '', ...lines.map((line) => `- ${line}`)].join('\n')];
}

function roundNumbers(_name: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}
