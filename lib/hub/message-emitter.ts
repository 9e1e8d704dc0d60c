import type { EventEmitter } from 'node:events';
import { HubClient } from '../gateway/hub-client.js';
import type { Payload } from '../protocol/messages.js';
import { holdListenersCheaply } from './event-table.js';
import { toReceived } from './socket-data.js';

/** Takes text as a string, or as bytes as the `message` listeners of `ws` do. */
export type MessageListener = (data: Payload, binary: boolean) => void;
type Listener = Parameters<EventEmitter['on']>[1];

const NO_LISTENERS: MessageListener[] = [];

/** A HubClient is a WebSocket to gateways; here it is the emitter on which that is built. */
const Emitter = HubClient as unknown as new () => EventEmitter;

/**
 * Emits `message` as `ws` does. As long as all its listeners take text as a string they are called
 * with one, which saves the bytes.
 */
export class MessageEmitter extends Emitter {
  binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments' = 'nodebuffer';
  /** The listeners that take strings; undefined once one was removed. */
  private direct: MessageListener[] | undefined = NO_LISTENERS;

  constructor() {
    super();
    holdListenersCheaply(this);
  }

  /** Adds a `message` listener that takes text as a string too. */
  onMessage(listener: MessageListener): void {
    // Not spread: that reserves places for many more.
    if (this.direct) this.direct = this.direct.concat(listener);
    this.on('message', listener);
  }

  override removeListener(event: string | symbol, listener: Listener): this {
    if (event === 'message') this.direct = undefined;
    return super.removeListener(event, listener);
  }

  override off(event: string | symbol, listener: Listener): this {
    return this.removeListener(event, listener);
  }

  override removeAllListeners(event?: string | symbol): this {
    this.direct = undefined;
    return event === undefined ? super.removeAllListeners() : super.removeAllListeners(event);
  }

  protected emitMessage(data: Payload, binary: boolean): void {
    const { binaryType, direct } = this;
    const isAlike = !binary || binaryType === 'nodebuffer';
    if (isAlike && direct?.length === this.listenerCount('message')) {
      for (const listener of direct) listener(data, binary);
    } else {
      this.emit('message', toReceived(data, binary, binaryType), binary);
    }
  }
}
