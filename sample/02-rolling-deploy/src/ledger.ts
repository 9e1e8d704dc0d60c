import { Injectable } from '@nestjs/common';
import { openSync, writeSync } from 'node:fs';

/**
 * One line of a ledger. `visit` numbers the stays of connections on this server, `label` is the
 * client's own name for its connection, `at` is this host's monotonic clock in microseconds.
 */
export type LedgerEntry =
  | [type: 'server', serverId: string]
  | [
      type: 'open',
      visit: number,
      label: string,
      connectionId: string,
      migratedFrom: string | null,
      at: number,
    ]
  | [type: 'up', visit: number, label: string, n: number, intact: boolean, at: number]
  | [type: 'down', visit: number, n: number]
  | [type: 'close', visit: number, migratedTo: string | null, at: number];

/**
 * What the gateway handled and sent, as JSON lines in the file named by `LEDGER_FILE`. Without that
 * variable nothing is kept.
 */
@Injectable()
export class Ledger {
  private readonly file =
    process.env.LEDGER_FILE === undefined ? undefined : openSync(process.env.LEDGER_FILE, 'a');

  /** Written at once, before what it tells of is sent: a killed process leaves a whole ledger. */
  write(entries: LedgerEntry[]): void {
    if (this.file !== undefined && entries.length > 0) {
      writeSync(this.file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    }
  }
}

/** This host's monotonic clock in microseconds, the same for every process on the host. */
export function monotonicMicros(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanos / 1000);
}
