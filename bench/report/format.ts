import type { Spread } from './statistics.js';

/** A Markdown table, which is easy to read as it is. */
export function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Median, and what the runs differ by. */
export function withSpread(
  spread: Spread | undefined,
  format: (value: number) => string = (value) => value.toFixed(2),
): string {
  if (!spread) return '–';
  const { median, min, max } = spread;
  const range = `${format(min)} to ${format(max)}`;
  return format(min) === format(max) ? format(median) : `${format(median)} (${range})`;
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export const oneDigit = (value: number) => value.toFixed(1);
