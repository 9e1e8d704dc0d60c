import type { Connected, Measured, Stopped } from '../load/load-generator.js';

/** What processes tell the bench. */
export type Message =
  ServerReady | Usage | Drained | Connections | Failure | Connected | Measured | Stopped;

/** What the bench asks a server process for. */
export type Request = 'usage' | 'collect' | 'connections' | 'drain' | 'stop';

export type MessageOf<Kind extends Message['kind']> = Extract<Message, { kind: Kind }>;

/** A server accepts clients, or has reached its relay. */
export interface ServerReady {
  readonly kind: 'ready';
  readonly port?: number | undefined;
}

/** What the process uses. */
export interface Usage {
  readonly kind: 'usage';
  /** CPU time so far, in microseconds. */
  readonly cpuMicros: number;
  /** Resident bytes. */
  readonly rss: number;
  /** Bytes of the JavaScript heap in use; undefined for other programs. */
  readonly heap?: number;
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
