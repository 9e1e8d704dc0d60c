import type { IncomingMessage } from 'node:http';
import type { Clock } from '../protocol/clock.js';
import type { HubLinkOwner } from '../protocol/hub-link-owner.js';
import type { AckMode, HubLink } from '../protocol/hub-link.js';
import type { Endpoint, EndpointKey, OpenConnection } from '../protocol/messages.js';
import { systemClock } from '../transport/system-clock.js';
import { Arrival } from './arrival.js';
import { decide, decidesAtOnce, protocolFor } from './connect-checks.js';
import type { EndpointMoves, MoveLimits } from './endpoint-moves.js';
import type { EndpointPolicies } from './endpoint-policies.js';
import type { HubApplication } from './hub-core.js';
import {
  arrivalHandlerFailed,
  connectCheckFailed,
  connectionHandlerFailed,
  stateNotMade,
} from './hub.messages.js';
import { hubRequest } from './hub-request.js';
import type { MigrationWsAdapter } from './migration-ws.adapter.js';
import type { StoredContexts } from './stored-contexts.js';
import type { VirtualServer } from './virtual-server.js';
import { VirtualSocket } from './virtual-socket.js';
import type { VirtualSocketLimits } from './virtual-socket-limits.js';

export interface GatewayApplicationOptions extends MoveLimits {
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
  private readonly moves = new Map<VirtualServer, EndpointMoves>();
  private readonly shared: Omit<EndpointMoves, 'definition' | 'hooks'>;

  constructor(
    private readonly adapter: MigrationWsAdapter,
    private readonly policies: EndpointPolicies,
    private readonly options: GatewayApplicationOptions,
    private readonly fault: (message: string, error?: unknown) => void,
    stored?: StoredContexts,
    clock: Clock = systemClock,
  ) {
    const { maxMessageBytes, maxBufferedBytes } = options;
    this.limits = { maxMessageBytes, maxBufferedBytes, fault };
    this.shared = { limits: options, clock, stored, fault };
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
    const moves = this.movesOf(server);
    const socket = new VirtualSocket(server, message.connectionId, this.limits, moves);
    const link = bind(socket);
    socket.attach(link);
    const request = hubRequest(message.request);
    if (!message.migration) {
      this.connect(socket, link, server, request);
      return;
    }
    new Arrival(socket, link, message, moves).run((from) =>
      this.handleConnection(socket, server, request, (id) => arrivalHandlerFailed(id, from)),
    );
  }

  private connect(
    socket: VirtualSocket,
    link: HubLink,
    server: VirtualServer,
    request: IncomingMessage,
  ) {
    const { onConnect: hooks, definition } = this.policies.of(server.endpoint);
    const enter = (protocol: string) => {
      if (socket.readyState !== socket.OPEN) return;
      socket.protocol = protocol;
      try {
        socket.begin({ state: definition?.create() });
      } catch (error) {
        this.fault(stateNotMade(socket.connectionId), error);
        link.refuse(500, 'internal error');
        return;
      }
      link.accept(protocol);
      if (this.handleConnection(socket, server, request, connectionHandlerFailed)) socket.enter();
      else socket.close(1011, 'internal error');
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

  private movesOf(server: VirtualServer): EndpointMoves {
    let moves = this.moves.get(server);
    if (!moves) {
      const { definition, hooks } = this.policies.of(server.endpoint);
      moves = { ...this.shared, definition, hooks };
      this.moves.set(server, moves);
    }
    return moves;
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
