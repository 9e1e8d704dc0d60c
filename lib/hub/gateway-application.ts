import type { IncomingMessage } from 'node:http';
import type { HubLinkOwner } from '../protocol/hub-link-owner.js';
import type { AckMode, HubLink } from '../protocol/hub-link.js';
import type { Endpoint, EndpointKey, OpenConnection } from '../protocol/messages.js';
import { decide, decidesAtOnce, protocolFor } from './connect-checks.js';
import type { EndpointPolicies } from './endpoint-policies.js';
import type { HubApplication } from './hub-core.js';
import {
  arrivalHandlerFailed,
  connectCheckFailed,
  connectionHandlerFailed,
} from './hub.messages.js';
import { hubRequest } from './hub-request.js';
import type { MigrationWsAdapter } from './migration-ws.adapter.js';
import type { VirtualServer } from './virtual-server.js';
import { VirtualSocket } from './virtual-socket.js';
import type { VirtualSocketLimits } from './virtual-socket.js';

export interface GatewayApplicationOptions {
  connectHookMs: number;
  maxMessageBytes: number;
  maxBufferedBytes: number;
}

/** Owns a link whose endpoint has no gateway here. */
const NOBODY: HubLinkOwner = {
  holdsAcks: false,
  waitsFor: 'handlers',
  wantsFlow: false,
  deliver() {},
  messageHandled() {},
  pongReceived() {},
  moveRequested() {},
  depart: (_, done) => done({}),
  closed() {},
  stays() {},
};

/** Runs the application's gateways on the connections that reach this hub server. */
export class GatewayApplication implements HubApplication {
  private readonly limits: VirtualSocketLimits;

  constructor(
    private readonly adapter: MigrationWsAdapter,
    private readonly policies: EndpointPolicies,
    private readonly options: GatewayApplicationOptions,
    private readonly fault: (message: string, error: unknown) => void,
  ) {
    const { maxMessageBytes, maxBufferedBytes } = options;
    this.limits = { maxMessageBytes, maxBufferedBytes, fault };
  }

  get endpoints(): Endpoint[] {
    return this.adapter.endpoints.map(({ endpoint, options }) => ({
      ...endpoint,
      level: this.policies.of(endpoint).level,
      ...(typeof options['maxPayload'] === 'number' && { maxPayload: options['maxPayload'] }),
      ...(options['perMessageDeflate'] ? { compress: true } : {}),
    }));
  }

  ackMode(endpoint: EndpointKey): AckMode {
    return this.policies.of(endpoint).ack;
  }

  open(message: OpenConnection, bind: (owner: HubLinkOwner) => HubLink): void {
    const server = this.adapter.serverOf(message);
    if (!server) {
      bind(NOBODY).refuse(404, `no gateway at ${message.path}`);
      return;
    }
    const socket = new VirtualSocket(server, message.connectionId, this.limits);
    const link = bind(socket);
    socket.attach(link);
    const request = hubRequest(message.request);
    if (message.migration) this.arrive(socket, link, server, request, message);
    else this.connect(socket, link, server, request);
  }

  private connect(
    socket: VirtualSocket,
    link: HubLink,
    server: VirtualServer,
    request: IncomingMessage,
  ) {
    const hooks = this.policies.of(server.endpoint).onConnect;
    const enter = (protocol: string) => {
      if (socket.readyState !== socket.OPEN) return;
      socket.protocol = protocol;
      link.accept(protocol);
      if (this.handleConnection(socket, server, request, connectionHandlerFailed)) return;
      socket.close(1011, 'internal error');
    };
    if (decidesAtOnce(server.options, hooks)) {
      enter(protocolFor(server.options, request));
      return;
    }
    const fault = (error: unknown) => this.fault(connectCheckFailed(server.endpoint), error);
    void decide(server.options, hooks, request, this.options.connectHookMs, fault).then(
      (decision) => {
        if (decision.accepted) enter(decision.protocol);
        else link.refuse(decision.status, decision.reason, decision.headers);
      },
    );
  }

  /** A connection comes from another hub server: it was let in there. */
  private arrive(
    socket: VirtualSocket,
    link: HubLink,
    server: VirtualServer,
    request: IncomingMessage,
    { migration, protocol }: OpenConnection,
  ) {
    const { server: from, reason, attempt } = migration!;
    socket.migration = Object.freeze({ from, reason, attempt });
    socket.protocol = protocol ?? '';
    const failed = (id: string) => arrivalHandlerFailed(id, from);
    if (this.handleConnection(socket, server, request, failed)) {
      link.accept(socket.protocol);
      return;
    }
    link.refuse(500, 'handleConnection failed');
    socket.closed(1012, 'handleConnection failed', { server: from, reason: 'rolledBack', attempt });
  }

  private handleConnection(
    socket: VirtualSocket,
    server: VirtualServer,
    request: IncomingMessage,
    failed: (connectionId: string) => string,
  ): boolean {
    server.clients.add(socket.client);
    let fault: { error: unknown } | undefined;
    try {
      server.emit('connection', socket, request);
      fault = this.adapter.connectionFaults.take(socket);
    } catch (error) {
      fault = { error };
    }
    if (fault) this.fault(failed(socket.connectionId), fault.error);
    return fault === undefined;
  }
}
