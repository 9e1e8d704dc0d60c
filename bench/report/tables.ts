import { type Measure, SCENARIOS } from '../scenarios/scenarios.js';
import { oneDigit, percent, thousands, toTable, withSpread } from './format.js';
import { processesOf } from './processes.js';
import { nameOf, type Row } from './rows.js';

/** Other programs that take more of one of the two cores than this make the result rough. */
const MAX_OTHER_LOAD = 0.1;

type Column = readonly [title: string, cell: (row: Row, rows: readonly Row[]) => string];

const value = (title: string, metric: string, format = oneDigit): Column => [
  title,
  ({ values }) => withSpread(values[metric], format),
];
const ratio: Column = ['ratio', (row) => withSpread(row.ratio)];
const cpuRatio: Column = ['ratio by CPU time', (row) => withSpread(row.cpuRatio)];
const roles = (title: string, prefix: string): Column => [
  title,
  ({ values }) =>
    Object.entries(values)
      .filter(([name]) => name.startsWith(`${prefix} `))
      .map(([name, { median }]) => `${name.slice(prefix.length + 1)} ${median.toFixed(1)}`)
      .join(' + '),
];
/** By how much a subject's messages per second of CPU differ from those with the fewest clients. */
const toFewest: Column = [
  'to 1,000 clients',
  ({ subject, values }, rows) => {
    const fewest = rows.find((row) => row.scenario === 'scale1000' && row.subject === subject);
    const [own, base] = [values['perCore'], fewest?.values['perCore']];
    return own && base ? (own.median / base.median).toFixed(2) : '–';
  },
];
const load: readonly Column[] = [
  value('load generator', 'generatorShare', percent),
  value('other load', 'otherLoad', percent),
];

const TABLES: readonly {
  readonly title: string;
  readonly measures: readonly Measure[];
  readonly columns: readonly Column[];
}[] = [
  {
    title: 'Throughput',
    measures: ['throughput'],
    columns: [
      ratio,
      cpuRatio,
      value('messages/s', 'rate', thousands),
      value('messages per second of CPU', 'perCore', thousands),
      roles('CPU per message (µs)', 'cpu'),
      ...load,
    ],
  },
  {
    title: 'Scaling',
    measures: ['scaling'],
    columns: [
      ['clients', ({ topology }) => (topology ? thousands(topology.clients) : '–')],
      ['processes', processesOf],
      value('messages per second of CPU', 'perCore', thousands),
      toFewest,
      cpuRatio,
      value('messages/s', 'rate', thousands),
      roles('CPU per message (µs)', 'cpu'),
      ...load,
    ],
  },
  {
    title: 'Latency at a constant rate (µs)',
    measures: ['latency'],
    columns: [
      ['ratio of p50', ratio[1]],
      value('p50', 'p50', thousands),
      value('p99', 'p99', thousands),
      value('p99.9', 'p999', thousands),
      roles('CPU per message (µs)', 'cpu'),
      ...load,
    ],
  },
  {
    title: 'Connecting',
    measures: ['connect'],
    columns: [
      ratio,
      cpuRatio,
      value('clients/s', 'rate', thousands),
      roles('CPU per client (µs)', 'cpu'),
      ...load,
    ],
  },
  {
    title: 'Memory per idle client (KiB, after garbage collection, above no clients)',
    measures: ['memory'],
    columns: [
      ['ratio of RSS', ratio[1]],
      value('RSS', 'rss'),
      roles('RSS by process', 'rss'),
      value('heap', 'heap'),
      roles('heap by process', 'heap'),
    ],
  },
  {
    title: 'Migration (ms)',
    measures: ['migration', 'migrationLoad', 'crash'],
    columns: [
      value('total', 'ms', thousands),
      value('pause p50', 'pauseP50'),
      value('pause p99', 'pauseP99'),
      value('longest pause', 'pauseMax'),
      value('p99 of all messages', 'latencyP99'),
    ],
  },
];

/** A titled table for each kind of measurement that has rows. */
export function toTables(rows: readonly Row[]): string {
  const scenarioOf = (row: Row) => SCENARIOS.find(({ id }) => id === row.scenario)!;
  return TABLES.flatMap(({ title, measures, columns }) => {
    const own = rows.filter((row) => measures.includes(scenarioOf(row).measure));
    if (own.length === 0) return [];
    const head = ['scenario', 'subject', 'runs', ...columns.map(([name]) => name)];
    const cells = own.map((row) => [
      scenarioOf(row).name,
      nameOf(row.subject),
      String(row.runs),
      ...columns.map(([, cell]) => cell(row, rows)),
    ]);
    return [`### ${title}\n\n${toTable(head, cells)}`];
  }).join('\n\n');
}

/** What a reader has to know about the rows, if anything. */
export function warningOf(rows: readonly Row[]): string | undefined {
  const most = Math.max(0, ...rows.map(({ values }) => values['otherLoad']?.median ?? 0));
  return most > MAX_OTHER_LOAD
    ? `Other programs used up to ${percent(most)} of a core: these figures are rough.`
    : undefined;
}
