import type { Traffic } from '../load/load-generator.js';
import type { SubjectId } from '../subjects/subjects.js';

export const SCENARIO_IDS = [
  'echo1',
  'echo16',
  'fanOut',
  'fanOut2',
  'echo5000',
  'rate1000',
  'rate10000',
  'rate20000',
  'connect',
  'memory',
  'migration',
  'migrationLoad',
  'crash',
  'scale1000',
  'scale10000',
  'scale30000',
] as const;
export type ScenarioId = (typeof SCENARIO_IDS)[number];

/** What is measured. */
export type Measure =
  | 'throughput'
  | 'scaling'
  | 'latency'
  | 'connect'
  | 'memory'
  | 'migration'
  | 'migrationLoad'
  | 'crash';

export interface Scenario {
  readonly id: ScenarioId;
  readonly name: string;
  readonly measure: Measure;
  readonly clients: number;
  /** Where a process may not have that many: as many as it may. */
  readonly adapts?: true;
  /**
   * Subjects that can have several relays have as many as these clients ask for, also with fewer: two
   * relays on a core cost more than one, however many clients they have.
   */
  readonly relaysFor?: number;
  /** What the clients do, if they are not idle. */
  readonly traffic?: Traffic;
  /** For whom it makes sense; undefined: for all. */
  readonly subjects?: readonly SubjectId[];
  /** Whether it is one of the few of `--quick`. */
  readonly isMain?: true;
}

/** What tells whether one subject is better than another. */
export const PRIMARY: Record<
  Measure,
  { readonly metric: string; readonly better: 'more' | 'less' }
> = {
  throughput: { metric: 'rate', better: 'more' },
  scaling: { metric: 'rate', better: 'more' },
  latency: { metric: 'p50', better: 'less' },
  connect: { metric: 'rate', better: 'more' },
  memory: { metric: 'rss', better: 'less' },
  migration: { metric: 'ms', better: 'less' },
  migrationLoad: { metric: 'pauseP99', better: 'less' },
  crash: { metric: 'ms', better: 'less' },
};

const OURS: readonly SubjectId[] = ['split'];
const WITHOUT_OTHERS: readonly SubjectId[] = ['stock', 'ws', 'split', 'both'];
const echo = (outstanding: number): Traffic => ({ kind: 'echo', outstanding });
const count = (value: number) => value.toLocaleString('en-US');

const rate = (perSecond: 1000 | 10_000 | 20_000): Scenario => ({
  id: `rate${perSecond}`,
  name: `constant rate, ${count(perSecond)} messages/s`,
  measure: 'latency',
  clients: 100,
  traffic: { kind: 'rate', perSecond, senders: 100 },
  ...(perSecond === 10_000 && { isMain: true }),
});

/** The most clients of the scaling. */
const MOST_CLIENTS = 30_000;

const scale = (id: ScenarioId, clients: number): Scenario => ({
  id,
  name: `scaling, 500 outstanding, ${count(clients)} clients`,
  measure: 'scaling',
  clients,
  relaysFor: MOST_CLIENTS,
  traffic: { kind: 'turns', outstanding: 500 },
  subjects: WITHOUT_OTHERS,
});

export const SCENARIOS: readonly Scenario[] = [
  {
    id: 'echo1',
    name: 'echo, 100 clients, 1 outstanding',
    measure: 'throughput',
    clients: 100,
    traffic: echo(1),
    isMain: true,
  },
  {
    id: 'echo16',
    name: 'echo, 50 clients, 16 outstanding',
    measure: 'throughput',
    clients: 50,
    traffic: echo(16),
    isMain: true,
  },
  {
    id: 'fanOut',
    name: 'fan-out to 1,000 clients, 10 messages at a time',
    measure: 'throughput',
    clients: 1000,
    traffic: { kind: 'fanOut', outstanding: 10 },
    isMain: true,
  },
  {
    id: 'fanOut2',
    name: 'fan-out to 1,000 clients, 2 messages at a time',
    measure: 'throughput',
    clients: 1000,
    traffic: { kind: 'fanOut', outstanding: 2 },
  },
  {
    id: 'echo5000',
    name: 'echo, 5,000 clients, 1 outstanding',
    measure: 'throughput',
    clients: 5000,
    traffic: echo(1),
  },
  rate(1000),
  rate(10_000),
  rate(20_000),
  { id: 'connect', name: 'connecting 5,000 clients', measure: 'connect', clients: 5000 },
  { id: 'memory', name: '10,000 idle clients', measure: 'memory', clients: 10_000 },
  {
    id: 'migration',
    name: 'migration of 10,000 idle clients, unthrottled',
    measure: 'migration',
    clients: 10_000,
    subjects: OURS,
  },
  {
    id: 'migrationLoad',
    name: 'migration of 10,000 clients, 500/s, under load',
    measure: 'migrationLoad',
    clients: 10_000,
    traffic: { kind: 'rate', perSecond: 5000, senders: 500 },
    subjects: OURS,
  },
  {
    id: 'crash',
    name: 'takeover of 10,000 clients after a crash',
    measure: 'crash',
    clients: 10_000,
    subjects: OURS,
  },
  scale('scale1000', 1000),
  scale('scale10000', 10_000),
  { ...scale('scale30000', MOST_CLIENTS), adapts: true },
];
