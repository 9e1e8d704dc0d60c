import type { EventEmitter } from 'node:events';

/** Objects without inherited names, whose layout all of them share. */
function EventTable() {}
EventTable.prototype = Object.create(null) as object;

/**
 * Gives a fresh emitter a small table for its listeners. That of Node is a hash table of its own for
 * each emitter, which takes more memory than all else that an idle client needs of one.
 */
export function holdListenersCheaply(emitter: EventEmitter): void {
  const Table = EventTable as unknown as new () => object;
  Object.assign(emitter, { _events: new Table() });
}
