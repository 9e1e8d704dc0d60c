import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { ServerFrames } from './web-socket-bytes.js';

const LIMIT_MS = 30_000;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** What one attacking connection saw. */
export interface Outcome {
  /** Status of the HTTP answer; 0: closed without one. */
  status: number;
  /** The close frame of the other end, if there was one. */
  close: { code: number; reason: string } | undefined;
}

/** What one attacking connection does. */
export interface Attack {
  /** Written at once. */
  first: Buffer;
  /** Written once the upgrade was granted. */
  upgraded?: (socket: Socket) => void;
  /** Called with what the other end sent on the granted WebSocket. */
  received?: (frames: ServerFrames, socket: Socket) => void;
  ended?: (outcome: Outcome) => void;
  /** The connection is cut without a FIN. */
  reset?: boolean;
}

/** Runs one attack; resolves when the connection is closed, and fails when the other end leaves it open. */
export function strike(port: number, attack: Attack): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const frames = new ServerFrames();
    let head: Buffer | undefined = Buffer.alloc(0);
    let status = 0;
    const limit = setTimeout(() => {
      socket.destroy();
      reject(new Error(`not closed in ${LIMIT_MS} ms, status ${status}`));
    }, LIMIT_MS);
    const finish = () => {
      if (attack.reset) socket.resetAndDestroy();
      else socket.end();
    };
    const onFrames = (bytes: Buffer) => {
      frames.push(bytes);
      if (frames.close) socket.end();
      else attack.received?.(frames, socket);
    };
    const onHead = (chunk: Buffer) => {
      head = Buffer.concat([head!, chunk]);
      const end = head.indexOf(END_OF_HEAD);
      if (end < 0) return;
      status = Number(head.toString('latin1', 9, 12));
      const rest = head.subarray(end + 4);
      head = undefined;
      if (status !== 101) return;
      attack.upgraded?.(socket);
      if (attack.upgraded && !attack.received) finish();
      if (rest.length > 0) onFrames(rest);
    };
    socket.on('connect', () => {
      socket.write(attack.first, () => {
        if (!attack.upgraded) finish();
      });
    });
    socket.on('data', (chunk) => (head ? onHead(chunk) : status === 101 && onFrames(chunk)));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(limit);
      resolve({ status, close: frames.close });
    });
  });
}

/** The attacks of a seed. */
export interface Attacks {
  /** Undefined when so many strings have been made as were asked for. */
  next(): Attack | undefined;
}

const WIDTH = 32;

/** Runs all attacks on a port, many at a time. */
export async function besiege(port: number, attacks: Attacks): Promise<Tally> {
  const tally = new Tally();
  const worker = async () => {
    for (let attack = attacks.next(); attack; attack = attacks.next()) {
      const outcome = await strike(port, attack);
      tally.add(outcome.status);
      if (outcome.close) tally.add(`closed ${outcome.close.code}`);
      attack.ended?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  return tally;
}

/** Counts by name. */
export class Tally {
  readonly counts: Record<string, number> = {};

  add(name: string | number): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  of(name: string | number): number {
    return this.counts[name] ?? 0;
  }
}
