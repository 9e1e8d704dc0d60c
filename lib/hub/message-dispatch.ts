import type { LoggerService, WsMessageHandler } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { isObservable } from 'rxjs';
import type { MessageParser } from '../options/index.js';
import type { Payload } from '../protocol/messages.js';
import { stackOf } from './hub-server-runtime.js';
import { resultNotSent } from './hub.messages.js';
import type { MessageCompletion } from './message-completion.js';
import type { VirtualSocket } from './virtual-socket.js';

/** Only to learn which parser the stock adapter has when nobody chose one. */
class Stock extends WsAdapter {
  readonly parser = this.messageParser as MessageParser;
}

/**
 * Hands messages to their handlers and sends the results, with the outcome of the stock adapter's
 * RxJS pipeline (`WsAdapter.bindMessageHandlers`, `WebSocketsController.pickResult` of
 * @nestjs/platform-ws and @nestjs/websockets 12) at a part of its cost. Only results that are
 * Observables are subscribed to.
 */
export class MessageDispatch {
  private readonly defaultParser = new Stock().parser;

  /** @param parser the one that is in use at the moment */
  constructor(
    private readonly parser: () => MessageParser,
    private readonly log: LoggerService,
  ) {}

  /** What to do with the messages of a client. */
  listenerOf(client: VirtualSocket, handlers: readonly WsMessageHandler[]) {
    const running = new Running(client);
    return (data: Payload, isBinary: boolean): void => {
      const message = this.parse(isBinary ? data : data.toString());
      const handler = message && handlers.findLast((it) => it.message === message.event);
      if (!handler) return;
      const completion = client.current!;
      let result: unknown;
      try {
        // The last argument is read by @MessageId().
        result = callbackOf(handler)(message.data, message.event, completion);
      } catch {
        return;
      }
      completion.begin();
      Promise.resolve(result).then(
        (value) => this.onResult(client, value, completion, running),
        (error: unknown) => {
          this.log.error(error);
          completion.end();
        },
      );
    };
  }

  private parse(data: string | Buffer): { event: unknown; data: unknown } | undefined {
    const parser = this.parser();
    try {
      return parser(data as never) as { event: unknown; data: unknown } | undefined;
    } catch (error) {
      // What clients send must not fill the log; a parser of the application that fails is its fault.
      if (parser !== this.defaultParser) this.log.error(error);
      return undefined;
    }
  }

  private onResult(
    client: VirtualSocket,
    value: unknown,
    completion: MessageCompletion,
    running: Running,
  ) {
    if (!isObservable(value)) {
      this.reply(client, value);
      completion.end();
      return;
    }
    if (client.readyState === client.CLOSED) {
      completion.end();
      return;
    }
    const subscription = value.subscribe({
      next: (result) => this.reply(client, result),
      error: (error: unknown) => this.log.error(error),
    });
    running.add(subscription);
    subscription.add(() => completion.end());
  }

  private reply(client: VirtualSocket, result: unknown) {
    if (result === null || result === undefined || client.readyState !== client.OPEN) return;
    try {
      client.send(JSON.stringify(result));
    } catch (error) {
      this.log.error(resultNotSent(client.connectionId), stackOf(error));
    }
  }
}

type Subscription = ReturnType<import('rxjs').Observable<unknown>['subscribe']>;

/** The Observables of a client that still run. */
class Running {
  private subscriptions: Set<Subscription> | undefined;

  constructor(private readonly client: VirtualSocket) {}

  add(subscription: Subscription): void {
    if (subscription.closed) return;
    if (!this.subscriptions) {
      this.subscriptions = new Set();
      this.client.once('close', () => {
        for (const it of Array.from(this.subscriptions!)) it.unsubscribe();
      });
    }
    const { subscriptions } = this;
    subscriptions.add(subscription);
    subscription.add(() => subscriptions.delete(subscription));
  }
}

/** Typed as a function of any kind by Nest. */
const callbackOf = (handler: WsMessageHandler) =>
  handler.callback as (...args: unknown[]) => unknown;
