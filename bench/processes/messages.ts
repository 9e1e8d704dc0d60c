import type { Connected, Measured, Measuring, Stopped } from '../load/load-generator.js';

/** What processes tell the bench. */
export type Message =
  | ServerReady
  | Collected
  | Drained
  | Connections
  | Failure
  | Connected
  | Measuring
  | Measured
  | Stopped;

/** What the bench asks a server process for. */
export type Request = 'collect' | 'connections' | 'drain' | 'stop';

export type MessageOf<Kind extends Message['kind']> = Extract<Message, { kind: Kind }>;

/** A server accepts clients, or has reached its relay. */
export interface ServerReady {
  readonly kind: 'ready';
  readonly port?: number | undefined;
}

/** The process has collected its garbage. */
export interface Collected {
  readonly kind: 'collected';
  /** Bytes of the JavaScript heap in use. */
  readonly heap: number;
}

/** A hub server has let its clients go. */
export interface Drained {
  readonly kind: 'drained';
  readonly migrated: number;
  readonly ms: number;
  readonly closed: Readonly<Record<string, number>>;
}

/** Clients of a hub server. */
export interface Connections {
  readonly kind: 'connections';
  readonly count: number;
}

/** The process ends because of this. */
export interface Failure {
  readonly kind: 'failed';
  readonly reason: string;
}
