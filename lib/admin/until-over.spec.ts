import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import type { IngressControl } from '../relay/ingress-reload-report.js';
import { untilOver } from './until-over.js';

function control() {
  let listener: (() => void) | undefined;
  const stop = vi.fn<() => void>();
  const whenOver: IngressControl['whenOver'] = (_, it) => {
    listener = it;
    return stop;
  };
  return { control: { whenOver } as IngressControl, stop, end: () => listener?.() };
}

it('ends with the reload, and listens to the client no more', async () => {
  const { control: it, end } = control();
  const connection = new EventEmitter();
  const over = untilOver(it, 'a', connection);
  expect(connection.listenerCount('close')).toBe(1);
  end();
  expect(await over).toBe(true);
  expect(connection.listenerCount('close')).toBe(0);
});

it('ends with the client, and listens to the reload no more', async () => {
  const { control: it, stop } = control();
  const connection = new EventEmitter();
  const over = untilOver(it, 'a', connection);
  connection.emit('close');
  expect(await over).toBe(false);
  expect(stop).toHaveBeenCalledTimes(1);
});

it('does not begin when the client has hung up already', async () => {
  const { control: it, stop } = control();
  const connection = Object.assign(new EventEmitter(), { destroyed: true });
  expect(await untilOver(it, 'a', connection)).toBe(false);
  expect([connection.listenerCount('close'), stop.mock.calls.length]).toEqual([0, 0]);
});
