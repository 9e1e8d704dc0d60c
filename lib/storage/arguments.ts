import type { StoredContext } from './context-storage.js';
import { wrongArgument, wrongConnectionId } from './storage.messages.js';

/** @throws RangeError */
export function checkInteger(name: string, value: number, min: number): void {
  if (!Number.isSafeInteger(value) || value < min) throw new RangeError(wrongArgument(name, min));
}

/** @throws RangeError */
export function checkClaim(connectionId: string, epoch: number, ttlMs = 1): void {
  if (typeof connectionId !== 'string' || connectionId === '') {
    throw new RangeError(wrongConnectionId());
  }
  checkInteger('epoch', epoch, 0);
  checkInteger('ttlMs', ttlMs, 1);
}

/** @throws RangeError */
export function checkSave(connectionId: string, stored: StoredContext, ttlMs: number): void {
  checkClaim(connectionId, stored.epoch, ttlMs);
  checkInteger('sequence', stored.sequence, 0);
}

/** Time for which it is remembered that a connection has ended, in milliseconds. */
export const TOMBSTONE_MS = 120_000;
