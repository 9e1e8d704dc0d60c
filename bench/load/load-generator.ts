import type { BenchProcess } from '../processes/bench-process.js';
import type { Buckets } from './latency-histogram.js';
import type { Wire } from './wire.js';

/** Whom the clients connect to, and what they say. */
export interface Target {
  readonly clients: number;
  /** Loopback addresses that the clients come from: so many, from 127.0.0.`first` on. */
  readonly sources: { readonly first: number; readonly count: number };
  /** Clients take turns with these. */
  readonly ports: readonly number[];
  readonly wire: Wire;
}

/** What the clients do. */
export type Traffic =
  /**
   * Each client has so many requests outstanding, or the one that asks for messages to all, or all
   * clients together, which take turns.
   */
  | { readonly kind: 'echo' | 'fanOut' | 'turns'; readonly outstanding: number }
  /** The first `senders` clients take turns, at even intervals. */
  | { readonly kind: 'rate'; readonly perSecond: number; readonly senders: number };

export interface Connected {
  readonly kind: 'connected';
  readonly seconds: number;
  readonly cpuShare: number;
}

/** The measured time has begun. */
export interface Measuring {
  readonly kind: 'measuring';
}

/** What happened in the measured time. */
export interface Measured {
  readonly kind: 'measured';
  /** Messages that clients got. */
  readonly messages: number;
  readonly seconds: number;
  /** The load generator's CPU time by the measured time. */
  readonly cpuShare: number;
}

/** What is known when nothing is outstanding any more. */
export interface Stopped {
  readonly kind: 'stopped';
  /** Nanoseconds from when requests of the measured time were due until they were answered. */
  readonly latencies: Buckets;
  /** The longest of these of each client that sent. */
  readonly pauses: Buckets;
}

const CONNECT_LIMIT_MS = 190_000;
const DRAIN_LIMIT_MS = 20_000;

/** Tells a load generator's process what to do. */
export class LoadGenerator {
  constructor(private readonly child: BenchProcess) {}

  /** @throws when a client is refused */
  connect({ clients, sources, ports, wire }: Target): Promise<Connected> {
    const frames = [wire.hello, wire.request, wire.answer].map((frame) => hex(frame));
    this.child.tell(
      ['connect', clients, sources.first, sources.count, ports.join(), wire.path, ...frames].join(
        ' ',
      ),
    );
    return this.child.next('connected', CONNECT_LIMIT_MS);
  }

  start(traffic: Traffic): void {
    const values =
      traffic.kind === 'rate' ? [traffic.perSecond, traffic.senders] : [traffic.outstanding];
    this.child.tell([traffic.kind, ...values].join(' '));
  }

  /** Resolves when the measured time has begun. */
  async measure(): Promise<void> {
    this.child.tell('measure');
    await this.child.next('measuring');
  }

  /** The measured time ends; the traffic goes on. */
  end(): Promise<Measured> {
    this.child.tell('end');
    return this.child.next('measured');
  }

  /**
   * Sends no more, and waits for all answers.
   * @throws when one is missing, is one too many, or a client was closed
   */
  stop(): Promise<Stopped> {
    this.child.tell('stop');
    return this.child.next('stopped', DRAIN_LIMIT_MS);
  }

  /** Ends the process, and with it all clients. */
  exit(): Promise<void> {
    this.child.endInput();
    return this.child.whenEnded();
  }
}

function hex(bytes: Buffer): string {
  return bytes.length > 0 ? bytes.toString('hex') : '-';
}
