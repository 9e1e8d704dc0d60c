import { WebSocket } from 'ws';

const NAMES = [
  'addEventListener',
  'removeEventListener',
  'onopen',
  'onmessage',
  'onclose',
  'onerror',
];

/** Gives an emitter the event target interface of `ws`, which needs nothing but an emitter. */
export function addEventTarget(prototype: object): void {
  for (const name of NAMES) {
    const descriptor = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
    if (descriptor) Object.defineProperty(prototype, name, descriptor);
  }
}
