import { encodeValue } from '../../gateway/state/value-packer.js';
import { decodeValue } from '../../gateway/state/value-reviver.js';

/**
 * A cursor as it is now, whatever its handler does with it later.
 * @throws TypeError when it cannot travel
 */
export function copyOfCursor(cursor: unknown): unknown {
  if (cursor === undefined || typeof cursor === 'number') return cursor;
  return decodeValue(encodeValue(cursor, 'cursor'), 'cursor');
}
