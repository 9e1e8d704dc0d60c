import type { LoggerService, WsMessageHandler } from '@nestjs/common';
import { from, isObservable } from 'rxjs';
import type { Observable, Subscription } from 'rxjs';
import { ResumeEvent } from '../gateway/batch/resume-event.js';
import type { MessageParser } from '../options/index.js';
import type { EndpointKey } from '../protocol/messages.js';
import type { BatchDispatch } from './batch/batch-dispatch.js';
import type { ParsedMessage } from './batch/gateway-batches.js';
import type { DirectHandler } from './direct-handlers.js';
import { stackOf } from './hub-server-runtime.js';
import { resultNotSent } from './hub.messages.js';
import type { MessageCompletion } from './message-completion.js';
import type { VirtualSocket } from './virtual-socket.js';

type Callback = (...args: unknown[]) => unknown;
/** A message as the stock adapter's own method for one message gets it. */
export interface MessageEvent {
  type: 'message';
  data: string | Buffer;
  target: VirtualSocket;
}
/** The Observables of a client that run for a gateway. */
type Streams = Set<Subscription>;
type Handlers = ReadonlyMap<unknown, WsMessageHandler>;

/** What all clients of a gateway have in common. */
interface KnownGateway {
  readonly endpoint: EndpointKey;
  /** Where each event's handler is. */
  readonly places: ReadonlyMap<unknown, number>;
  readonly direct: readonly (DirectHandler | undefined)[];
}

/** What message dispatch asks of its adapter. */
export interface DispatchHost {
  readonly log: LoggerService;
  /** The batches of the gateways, if any has one. */
  readonly batches: BatchDispatch | undefined;
  /** The handlers that need not be called through Nest, as far as they are known. */
  direct(
    endpoint: EndpointKey,
    messages: readonly unknown[],
  ): readonly (DirectHandler | undefined)[];
  /** The parser that is in use at the moment. */
  parser(): MessageParser;
  /** Whether that is the one that the adapter has when nobody chose another. */
  isStockParser(parser: MessageParser): boolean;
}

/**
 * Hands messages to their handlers and sends the results, with the outcome of the stock adapter's
 * RxJS pipeline (`WsAdapter.bindMessageHandlers`, `WebSocketsController.pickResult`) at a part of its
 * cost: only results that are Observables are subscribed to.
 */
export class MessageDispatch {
  private readonly known: KnownGateway[] = [];

  constructor(private readonly host: DispatchHost) {}

  /** Has a gateway's handlers get the messages of a client until it leaves. */
  bind(client: VirtualSocket, handlers: readonly WsMessageHandler[]): void {
    const { places, direct } = this.gatewayOf(client.server.endpoint, handlers);
    const callbacks = handlers.map(({ callback }) => callback as Callback);
    let streams: Streams | undefined;
    const batches = this.host.batches?.of(
      client,
      places,
      this.parse,
      (message, _, completion, run) => {
        const { data, event } = message;
        const place = places.get(run?.resumed ? resumeEventIn(handlers, event) : event)!;
        // The last argument is read by @Batch().
        return callbacks[place]!(data, event, completion, run);
      },
    );
    client.onMessage((data, isBinary) => {
      const content = isBinary ? data : data.toString();
      const message = this.parse(content);
      if (batches && message && batches.take(message, content, client.current)) return;
      const place = message ? places.get(message.event) : undefined;
      if (place === undefined) return;
      const completion = client.current;
      let result: unknown;
      try {
        const { data: body, event } = message!;
        const handler = direct[place];
        // The last argument is read by @MessageId().
        result = handler
          ? handler(client, body, event, completion)
          : callbacks[place]!(body, event, completion);
      } catch {
        return;
      }
      completion?.begin();
      Promise.resolve(result).then(
        (value) => {
          if (isObservable(value)) {
            this.follow(client, from(value), completion, (streams ??= new Set()));
            return;
          }
          this.reply(client, value);
          completion?.end();
        },
        (error: unknown) => {
          this.host.log.error(error);
          completion?.end();
        },
      );
    });
    client.on('close', () => {
      endAll(streams);
      batches?.end(client.migration ? 'moved' : 'disconnected');
    });
  }

  /** The same, through a method that an adapter puts in the place of the stock one. */
  bindThrough(
    client: VirtualSocket,
    handlers: readonly WsMessageHandler[],
    results: (event: MessageEvent, handlers: Handlers) => Observable<unknown>,
  ): void {
    const target = client;
    const byEvent = new Map(
      handlers.map((it) => [it.message, withArguments(it, it.message, () => [client.current])]),
    );
    let streams: Streams | undefined;
    const batches = this.host.batches?.of(
      client,
      byEvent,
      this.parse,
      (message, data, ...given) => {
        const [, run] = given;
        const { event } = message;
        const handled = run?.resumed ? resumeEventIn(handlers, event) : event;
        const handler = handlers.find((it) => it.message === handled)!;
        const only = new Map([[event, withArguments(handler, event, () => given)]]);
        return results({ type: 'message', data, target }, only);
      },
    );
    client.onMessage((received, isBinary) => {
      const completion = client.current;
      const data = isBinary ? received : received.toString();
      const message = batches && this.parse(data);
      if (message && batches?.take(message, data, completion)) return;
      const stream = results({ type: 'message', data, target }, byEvent);
      completion?.begin();
      this.follow(client, stream, completion, (streams ??= new Set()));
    });
    client.on('close', () => {
      endAll(streams);
      batches?.end(client.migration ? 'moved' : 'disconnected');
    });
  }

  private readonly parse = (data: string | Buffer): ParsedMessage | undefined => {
    const parser = this.host.parser();
    try {
      return parser(data as never) as ParsedMessage | undefined;
    } catch (error) {
      // What clients send must not fill the log; a parser of the application that fails is its fault.
      if (!this.host.isStockParser(parser)) this.host.log.error(error);
      return undefined;
    }
  };

  private follow(
    client: VirtualSocket,
    stream: Observable<unknown>,
    completion: MessageCompletion | undefined,
    streams: Streams,
  ) {
    if (client.readyState === client.CLOSED) {
      completion?.end();
      return;
    }
    const subscription = stream.subscribe({
      next: (result) => this.reply(client, result),
      error: (error: unknown) => this.host.log.error(error),
    });
    streams.add(subscription);
    subscription.add(() => {
      streams.delete(subscription);
      completion?.end();
    });
  }

  private reply(client: VirtualSocket, result: unknown) {
    if (result === null || result === undefined || client.readyState !== client.OPEN) return;
    try {
      client.send(JSON.stringify(result));
    } catch (error) {
      this.host.log.error(resultNotSent(client.connectionId), stackOf(error));
    }
  }

  private gatewayOf(endpoint: EndpointKey, handlers: readonly WsMessageHandler[]): KnownGateway {
    const found = this.known.find(
      (it) =>
        it.endpoint === endpoint &&
        it.places.size === handlers.length &&
        handlers.every(({ message }, place) => it.places.get(message) === place),
    );
    if (found) return found;
    const messages = handlers.map(({ message }) => message as unknown);
    const places = new Map(messages.map((message, place) => [message, place]));
    const gateway = { endpoint, places, direct: this.host.direct(endpoint, messages) };
    if (places.size === handlers.length) this.known.push(gateway);
    return gateway;
  }
}

function endAll(streams: Streams | undefined) {
  for (const stream of Array.from(streams ?? [])) stream.unsubscribe();
}

/** The handler for messages that are resumed. */
const resumeEventIn = (handlers: readonly WsMessageHandler[], event: unknown): unknown =>
  handlers
    .map(({ message }) => message as unknown)
    .find((it) => it instanceof ResumeEvent && it.event === event);

const withArguments = (
  { callback, ...handler }: WsMessageHandler,
  message: unknown,
  more: () => readonly unknown[],
): WsMessageHandler => ({
  ...handler,
  message: message as string,
  callback: (...args: unknown[]) =>
    (callback as Callback)(...args, ...more()) as Observable<unknown>,
});
