import { readFileSync } from 'node:fs';
import type { LedgerEntry } from '../sample/02-rolling-deploy/src/ledger.js';

/** One message of a hub server, as its client saw it. */
export interface ReceivedMessage {
  server: string;
  /** Which stay on that server it is from. */
  visit: number;
  n: number;
  /** The number of the client's message that it answers. */
  re?: number;
}

/**
 * A time in which a hub server could lose its clients to others without taking leave of them: it was
 * frozen for longer than its relay waits, or killed, and then the time has no end. Microseconds on
 * the host's monotonic clock.
 */
export interface Outage {
  server: string;
  from: number;
  to: number;
}

/** What one client kept of one connection. */
export interface SessionRecord {
  /** The client's name for this connection, part of its URL and of every message. */
  label: string;
  kind: 'busy' | 'idle';
  /** As told by the server that saw the true connect. */
  connectionId?: string;
  /** Messages sent to the hub, numbered from 1. */
  sent: number;
  /** Messages from the hub, in the order of arrival. */
  received: ReceivedMessage[];
  /** Messages that were meant for another connection. */
  foreign: number;
  /** Messages whose content was not what was sent, in either direction as seen by the client. */
  corrupted: number;
  closedBy?: 'client' | 'server';
  closeCode?: number;
}

/** What a gateway kept of the stay of one connection on its server. */
export interface VisitRecord {
  server: string;
  /** The number of this stay on its server. */
  visit: number;
  label: string;
  connectionId: string;
  from: string | null;
  /** Undefined when there was no `handleDisconnect`; null when it told of a true end. */
  to?: string | null;
  openedAt: number;
  closedAt?: number;
  /** In the order in which the handlers were called. */
  handled: { label: string; n: number; intact: boolean; at: number }[];
  /** Messages sent to the client, numbered from 1. */
  sent: number;
}

export function readLedgers(files: readonly string[]): VisitRecord[] {
  return files.flatMap((file) => parseLedger(readFileSync(file, 'utf8')));
}

/** A last line that a kill cut in two is left out. */
export function parseLedger(text: string): VisitRecord[] {
  const lines = text.split('\n');
  lines.pop();
  const visits = new Map<number, VisitRecord>();
  let server = '';
  const visitOf = (id: number): VisitRecord => {
    const visit = visits.get(id);
    if (!visit) {
      throw new Error(`the ledger of ${server || 'an unnamed server'} misses visit ${id}`);
    }
    return visit;
  };
  for (const line of lines) {
    const entry = JSON.parse(line) as LedgerEntry;
    switch (entry[0]) {
      case 'server':
        server = entry[1];
        break;
      case 'open': {
        const [, id, label, connectionId, from, openedAt] = entry;
        visits.set(id, {
          server,
          visit: id,
          label,
          connectionId,
          from,
          openedAt,
          handled: [],
          sent: 0,
        });
        break;
      }
      case 'up': {
        const [, id, label, n, intact, at] = entry;
        visitOf(id).handled.push({ label, n, intact, at });
        break;
      }
      case 'down':
        visitOf(entry[1]).sent = entry[2];
        break;
      case 'close':
        Object.assign(visitOf(entry[1]), { to: entry[2], closedAt: entry[3] });
        break;
    }
  }
  return [...visits.values()];
}
