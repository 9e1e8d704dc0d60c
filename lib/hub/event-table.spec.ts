import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { holdListenersCheaply } from './event-table.js';

it('leaves an emitter what it is', () => {
  const run = (emitter: EventEmitter) => {
    const log: unknown[] = [];
    const listen = (name: string) => (value: unknown) => log.push([name, value]);
    const first = listen('first');
    log.push(emitter.eventNames(), emitter.emit('toString', 1), emitter.listenerCount('valueOf'));
    emitter.on('a', first).once('a', listen('once')).prependListener('a', listen('prepended'));
    emitter.on('constructor', listen('constructor'));
    for (const name of ['a', 'a', 'constructor', '__proto__', 'b']) {
      log.push(emitter.emit(name, name), emitter.listenerCount(name));
    }
    emitter.off('a', first).removeAllListeners('constructor');
    log.push(emitter.emit('a', 2), emitter.eventNames());
    log.push(emitter.removeAllListeners().eventNames());
    expect(() => emitter.emit('error', new Error('nobody listens'))).toThrow('nobody listens');
    emitter.on('a', first);
    log.push(emitter.emit('a', 3));
    return log;
  };
  const cheap = new EventEmitter();
  holdListenersCheaply(cheap);
  expect(run(cheap)).toEqual(run(new EventEmitter()));
});
