import { Logger } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import type { WsMessageHandler } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { MessageParser } from '../options/index.js';
import { endpointName } from '../protocol/endpoint.js';
import type { BatchDispatch } from './batch/batch-dispatch.js';
import type { EndpointKey } from '../protocol/messages.js';
import { ConnectionFaults } from './connection-faults.js';
import type { DirectHandlers } from './direct-handlers.js';
import { endpointOf } from './endpoints.js';
import { stackOf } from './hub-server-runtime.js';
import { disconnectHandlerFailed, namespacesNotSupported } from './hub.messages.js';
import { MessageDispatch } from './message-dispatch.js';
import { VirtualServer } from './virtual-server.js';
import { VirtualSocket } from './virtual-socket.js';

/**
 * The WebSocket adapter that runs gateways on virtual sockets. `MigrationModule` sets it itself.
 * @publicApi
 */
export class MigrationWsAdapter extends WsAdapter {
  /** What gateways threw for a client that connected. */
  readonly connectionFaults = new ConnectionFaults((error) =>
    this.log.error(disconnectHandlerFailed(), stackOf(error)),
  );
  private readonly servers = new Map<string, VirtualServer>();
  private readonly log = new Logger(MigrationWsAdapter.name);
  private readonly dispatch: MessageDispatch;

  constructor(messageParser?: MessageParser) {
    super(undefined, (messageParser && { messageParser }) as { messageParser: never } | undefined);
    const stock = messageParser ? undefined : (this.messageParser as MessageParser);
    const batches = () => this.batches;
    // Who overrides the method may have changed the handlers.
    const handlers = () =>
      this.bindMessageHandlers === MigrationWsAdapter.prototype.bindMessageHandlers
        ? this.directHandlers
        : undefined;
    this.dispatch = new MessageDispatch({
      log: this.log,
      get batches() {
        return batches();
      },
      direct: (endpoint: EndpointKey, messages: readonly unknown[]) =>
        handlers()?.of(endpoint, messages) ?? [],
      parser: () => this.messageParser as MessageParser,
      isStockParser: (parser) => parser === stock,
    });
  }

  /** The batches of the gateways, known before the first client. */
  batches: BatchDispatch | undefined;

  /** The handlers that need not be called through Nest, known before the first client. */
  directHandlers: DirectHandlers | undefined;

  /** Names the gateways, just before Nest binds the first one. */
  gatewaysToBind: () => readonly object[] = () => [];

  /** The servers of all endpoints that have a gateway. */
  get endpoints(): VirtualServer[] {
    return [...this.servers.values()];
  }

  /** The server of an endpoint. */
  serverOf(endpoint: { port: number; path: string }): VirtualServer | undefined {
    return this.servers.get(endpointName(endpoint));
  }

  override create(port: number, options: Record<string, unknown> = {}): never {
    const { namespace, server, path } = options as {
      namespace?: string;
      server?: unknown;
      path?: string;
    };
    if (namespace) throw new Error(namespacesNotSupported(namespace));
    if (server && port !== 0) return server as never;
    if (this.servers.size === 0) {
      for (const gateway of this.gatewaysToBind()) this.connectionFaults.watch(gateway);
    }
    const endpoint = endpointOf(port, path);
    const key = endpointName(endpoint);
    let virtual = this.servers.get(key);
    if (!virtual) {
      virtual = new VirtualServer(endpoint, options);
      this.servers.set(key, virtual);
    }
    return virtual as never;
  }

  override bindMessageHandlers(
    client: unknown,
    handlers: WsMessageHandler[],
    transform: (data: unknown) => Observable<unknown>,
  ): void {
    if (!(client instanceof VirtualSocket)) {
      super.bindMessageHandlers(client as never, handlers as never, transform);
      return;
    }
    if (this.bindMessageHandler === WsAdapter.prototype.bindMessageHandler) {
      this.dispatch.bind(client, handlers);
    } else {
      this.dispatch.bindThrough(client, handlers, (event, byEvent) =>
        this.bindMessageHandler(event as never, byEvent as never, transform),
      );
    }
  }

  override bindClientDisconnect(client: unknown, callback: (code: number) => void): void {
    // A virtual socket closes once: it needs no listener that takes itself away.
    if (client instanceof VirtualSocket) client.on('close', callback);
    else super.bindClientDisconnect(client as never, callback as never);
  }

  /** A client that arrived before the application was ready: nothing is bound to it. */
  closeClient(client: { close(code: number, reason: string): void }): void {
    client.close(1013, 'try again later');
  }

  override async close(server: { close(done: () => void): void }): Promise<void> {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
