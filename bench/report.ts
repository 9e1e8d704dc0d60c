import type { ServerRole } from './apps.js';
import type { Scenario } from './scenarios.js';
import { ratiosTo, spreadOf, type Spread } from './statistics.js';
import type { Subject } from './subjects.js';

/** A load generator that is busier than this measures itself. */
export const MAX_GENERATOR_SHARE = 0.9;
/** Other programs that take more of one of the two cores than this make the result rough. */
const MAX_OTHER_LOAD = 0.1;

/** One measurement. */
export interface Sample {
  readonly run: number;
  readonly scenario: string;
  readonly subject: string;
  /** Messages that clients got, per second. */
  readonly rate: number;
  /** Share of a core that the load generator used. */
  readonly generatorShare: number;
  /** Microseconds of CPU per message, by server process. */
  readonly cpuMicros: readonly (readonly [ServerRole, number])[];
  /** Share of the servers' and of the load generator's core that others used; empty when unknown. */
  readonly otherLoad: readonly number[];
}

/** A subject in a scenario. */
export interface Row {
  readonly scenario: string;
  readonly subject: string;
  readonly rate: Spread;
  /** To the base of the same run; undefined when that was refused. */
  readonly ratio: Spread | undefined;
  /** The same of the messages per second of the servers' CPU time, which other load disturbs less. */
  readonly cpuRatio: Spread | undefined;
  readonly cpuMicros: readonly (readonly [ServerRole, number])[];
  readonly generatorShare: number;
  readonly otherLoad: readonly number[];
}

export interface Result {
  readonly rows: readonly Row[];
  /** What is not shown, and why. */
  readonly refusals: readonly string[];
}

export function evaluate(
  samples: readonly Sample[],
  scenarios: readonly Scenario[],
  subjects: readonly Subject[],
  base: Subject,
): Result {
  const rows: Row[] = [];
  const refusals: string[] = [];
  for (const { name: scenario } of scenarios) {
    const samplesOf = ({ name }: Subject) =>
      samples.filter((sample) => sample.scenario === scenario && sample.subject === name);
    const baseSamples = samplesOf(base);
    const hasBase = !baseSamples.some(isRefused);
    const ratio = (own: readonly Sample[], value: (sample: Sample) => number) =>
      hasBase ? ratiosTo(baseSamples.map(value), own.map(value)) : undefined;
    for (const subject of subjects) {
      const own = samplesOf(subject);
      if (own.some(isRefused)) {
        const busiest = Math.max(...own.map(({ generatorShare }) => generatorShare));
        refusals.push(
          `${scenario}, ${subject.name}: the load generator used ${percent(busiest)} of a core, ` +
            `so that it may have measured itself`,
        );
      } else {
        rows.push({ ...toRow(own), ratio: ratio(own, rate), cpuRatio: ratio(own, perCpuSecond) });
      }
    }
  }
  return { rows, refusals };
}

const isRefused = ({ generatorShare }: Sample) => generatorShare > MAX_GENERATOR_SHARE;
const rate = (sample: Sample) => sample.rate;
const perCpuSecond = ({ cpuMicros }: Sample) =>
  1e6 / cpuMicros.reduce((sum, [, micros]) => sum + micros, 0);

function toRow(samples: readonly Sample[]): Omit<Row, 'ratio' | 'cpuRatio'> {
  const { scenario, subject, cpuMicros, otherLoad } = samples[0]!;
  const median = (value: (sample: Sample) => number) => spreadOf(samples.map(value)).median;
  return {
    scenario,
    subject,
    rate: spreadOf(samples.map(rate)),
    cpuMicros: cpuMicros.map(([role], index) => [
      role,
      median((sample) => sample.cpuMicros[index]![1]),
    ]),
    generatorShare: Math.max(...samples.map(({ generatorShare }) => generatorShare)),
    otherLoad: otherLoad.map((_, index) => median((sample) => sample.otherLoad[index]!)),
  };
}

/** What a reader has to know about the rows, if anything. */
export function warningOf(rows: readonly Row[]): string | undefined {
  const most = Math.max(0, ...rows.flatMap(({ otherLoad }) => otherLoad));
  return most > MAX_OTHER_LOAD
    ? `Other programs used up to ${percent(most)} of a core: these figures are rough.`
    : undefined;
}

/** A Markdown table, which is easy to read as it is. */
export function toTable(rows: readonly Row[]): string {
  const head = [
    'scenario',
    'subject',
    'ratio',
    'ratio by CPU time',
    'messages/s',
    'CPU per message (µs)',
    'load generator',
    'other load on the two cores',
  ];
  const cells = rows.map((row) => [
    row.scenario,
    row.subject,
    asRatio(row.ratio),
    asRatio(row.cpuRatio),
    withSpread(row.rate, thousands),
    row.cpuMicros.map(([role, micros]) => `${role} ${micros.toFixed(1)}`).join(' + '),
    percent(row.generatorShare),
    row.otherLoad.map(percent).join(' and ') || '–',
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]!.length)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head), rule, ...cells.map(line)].join('\n');
}

const START = '<!-- bench: written by npm run bench -- --write -->';
const END = '<!-- bench: end -->';

/** The document with another result between its two marks. */
export function withResult(document: string, result: string): string {
  const start = document.indexOf(START);
  const end = document.indexOf(END);
  if (start < 0 || end < start) throw new Error(`there is no "${START}" before "${END}"`);
  return `${document.slice(0, start + START.length)}\n\n${result}\n\n${document.slice(end)}`;
}

function asRatio(ratio: Spread | undefined): string {
  return ratio ? withSpread(ratio, (value) => value.toFixed(2)) : '–';
}

function withSpread({ median, min, max }: Spread, format: (value: number) => string): string {
  const range = `${format(min)} to ${format(max)}`;
  return format(min) === format(max) ? format(median) : `${format(median)} (${range})`;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
