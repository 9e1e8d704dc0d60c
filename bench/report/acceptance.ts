import type { ScenarioId } from '../scenarios/scenarios.js';
import type { SubjectId } from '../subjects/subjects.js';
import { oneDigit, thousands, toTable } from './format.js';
import { noteOf } from './processes.js';
import type { Row } from './rows.js';

/** A claim about speed, and what was measured. */
export interface Acceptance {
  readonly claim: string;
  readonly floor: string;
  readonly goal: string;
  readonly measured: string;
  /** Undefined: not measured. */
  readonly holds: boolean | undefined;
}

interface Bound {
  readonly least?: number;
  readonly most?: number;
  readonly goal?: string;
  readonly unit?: string;
  readonly format?: (value: number) => string;
}

const RATES = [1000, 10_000, 20_000] as const;

/** Each claim that the project makes, with its floor and, where there is one, its goal. */
export function acceptanceOf(rows: readonly Row[]): readonly Acceptance[] {
  const find = (scenario: ScenarioId, subject: SubjectId) =>
    rows.find((row) => row.scenario === scenario && row.subject === subject);
  const ratio = (scenario: ScenarioId, subject: SubjectId) =>
    find(scenario, subject)?.ratio?.median;
  const value = (scenario: ScenarioId, subject: SubjectId, metric: string) =>
    find(scenario, subject)?.values[metric]?.median;

  const ratios = [
    bounded('split, echo, 1 outstanding, to stock', ratio('echo1', 'split'), atLeast(1.3, '1.5')),
    bounded('split, echo, 16 outstanding, to stock', ratio('echo16', 'split'), atLeast(3, '4.5')),
    bounded('split, fan-out to 1,000, to stock', ratio('fanOut', 'split'), atLeast(1.25, '1.4')),
    bounded('split, echo, 5,000 clients, to stock', ratio('echo5000', 'split'), atLeast(1.3)),
    bounded(
      "stock's CPU per message to the hub server's",
      divide(value('echo1', 'stock', 'cpu stock'), value('echo1', 'split', 'cpu hub')),
      atLeast(5),
    ),
    bounded('both, echo, 1 outstanding, to stock', ratio('echo1', 'both'), atLeast(1.2)),
    bounded('both, echo, 16 outstanding, to stock', ratio('echo16', 'both'), atLeast(1.2)),
    bounded('both, fan-out to 1,000, to stock', ratio('fanOut', 'both'), atLeast(1.3)),
  ];
  const latencies = (['split', 'unix'] as const).flatMap((ours) =>
    RATES.flatMap((rate) => {
      const scenario: ScenarioId = `rate${rate}`;
      const above = (metric: string, other: SubjectId) =>
        minus(value(scenario, ours, metric), value(scenario, other, metric));
      const at = `${ours === 'unix' ? 'split over a Unix socket' : 'split'} at ${thousands(rate)}/s`;
      return [
        bounded(`${at}, p50 above stock`, above('p50', 'stock'), atMost(25, 'µs')),
        bounded(`${at}, p99 above stock`, above('p99', 'stock'), atMost(300, 'µs')),
        bounded(`${at}, p50 above nginx + Nest`, above('p50', 'nginx'), atMost(0, 'µs')),
        bounded(`${at}, p99 above nginx + Nest`, above('p99', 'nginx'), atMost(0, 'µs')),
      ];
    }),
  );
  const memory = (metric: string) => value('memory', 'split', metric);
  const kibibytes = (most: number) => atMost(most, 'KiB', oneDigit);
  const others = [
    bounded('idle client in the relay, RSS', memory('rss relay'), kibibytes(6)),
    bounded('idle client in the relay, heap', memory('heap relay'), kibibytes(6)),
    bounded('idle client in the hub server, RSS', memory('rss hub'), kibibytes(4)),
    bounded('idle client in the hub server, heap', memory('heap hub'), kibibytes(4)),
    ...(['rss', 'heap'] as const).map((metric) =>
      bounded(
        `idle client, relay and hub server above stock, ${metric === 'rss' ? 'RSS' : 'heap'}`,
        minus(memory(metric), value('memory', 'stock', metric)),
        kibibytes(0),
      ),
    ),
    bounded(
      'migration of 10,000 idle clients',
      value('migration', 'split', 'ms'),
      atMost(2000, 'ms'),
    ),
    bounded(
      'pause of a client in a migration under load, p99',
      value('migrationLoad', 'split', 'pauseP99'),
      atMost(50, 'ms', oneDigit),
    ),
    bounded(
      'takeover of 10,000 clients after a crash and the grace',
      value('crash', 'split', 'ms'),
      atMost(3000, 'ms'),
    ),
    ...([10_000, 30_000] as const).map((clients) => {
      const scenario: ScenarioId = `scale${clients}`;
      const row = find(scenario, 'split');
      const note = row && noteOf(row);
      return bounded(
        `split, ${thousands(clients)} clients${note ? ` (${note})` : ''}, messages per second of CPU, to 1,000`,
        divide(value(scenario, 'split', 'perCore'), value('scale1000', 'split', 'perCore')),
        atLeast(0.8),
      );
    }),
  ];
  return [...ratios, ...latencies, ...others];
}

export function acceptanceTable(all: readonly Acceptance[]): string {
  const cells = all.map(({ claim, floor, goal, measured, holds }) => [
    claim,
    floor,
    goal,
    measured,
    holds === undefined ? 'not measured' : holds ? 'yes' : 'NO',
  ]);
  return toTable(['claim', 'floor', 'goal', 'measured', 'holds'], cells);
}

const twoDigits = (value: number) => value.toFixed(2);

function atLeast(least: number, goal?: string): Bound {
  return { least, ...(goal !== undefined && { goal }) };
}

function atMost(most: number, unit: string, format = thousands): Bound {
  return { most, unit, format };
}

function bounded(
  claim: string,
  measured: number | undefined,
  { least, most, goal = '', unit = '', format = twoDigits }: Bound,
): Acceptance {
  const withUnit = (text: string) => (unit ? `${text} ${unit}` : text);
  return {
    claim,
    floor: withUnit(least === undefined ? `≤ ${most}` : `≥ ${least}`),
    goal,
    measured: measured === undefined ? '–' : withUnit(format(measured)),
    holds:
      measured === undefined
        ? undefined
        : measured >= (least ?? -Infinity) && measured <= (most ?? Infinity),
  };
}

function divide(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || !b ? undefined : a / b;
}

function minus(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b;
}
