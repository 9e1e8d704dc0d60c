import type { Scenario } from './scenarios.js';

/** What the bench and the processes that it starts tell each other. */
export type Message =
  | ServerReady
  | CpuReport
  | Failure
  | Job
  | LoadResult
  | { readonly kind: 'cpu?' | 'stop' | 'warm' | 'measure' };

export type MessageOf<Kind extends Message['kind']> = Extract<Message, { kind: Kind }>;

/** A server accepts clients, or has reached its relay. */
export interface ServerReady {
  readonly kind: 'ready';
  readonly port?: number | undefined;
}

/** CPU time that the process has used so far, in microseconds. */
export interface CpuReport {
  readonly kind: 'cpu';
  readonly micros: number;
}

/** The process ends because of this. */
export interface Failure {
  readonly kind: 'failed';
  readonly reason: string;
}

/** What a load generator is to do. */
export interface Job {
  readonly kind: 'job';
  readonly port: number;
  readonly scenario: Scenario;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  readonly kind: 'result';
  /** Messages that clients got in the measured time. */
  readonly messages: number;
  readonly seconds: number;
  /** Messages that clients got from the start of the measured time until none was outstanding. */
  readonly messagesToTheEnd: number;
  /** The load generator's CPU time by the measured time. */
  readonly cpuShare: number;
}
