import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopbackHost } from '../options/index.js';
import type { ResolvedRelayOptions } from '../options/index.js';
import { normalizePath } from '../protocol/endpoint.js';
import { TokenError } from '../transport/service-token.js';
import type { TokenVerifier } from '../transport/service-token.js';
import {
  MAX_SERVICE_PAYLOAD_BYTES,
  WebSocketTransport,
} from '../transport/web-socket-transport.js';
import { FramedBatchSocket } from '../transport/web-socket/batch-socket.js';
import { grantUpgrade } from '../transport/web-socket/handshake.js';
import { peerOf, plainAddress } from './client-address.js';
import type { FailureLog } from './failure-log.js';
import { refuseUpgrade, retryLater } from './http-refusal.js';
import type { Refusal } from './http-refusal.js';
import type { IngressFinder } from './ingress-finder.js';
import type { ProxyHeader } from './proxy-protocol.js';
import type { RelayCore } from './relay-core.js';
import type { TrackedSockets } from './tracked-sockets.js';
import { asksForWebSocket, checkHandshake, pathnameOf } from './upgrade-request.js';
import type { Upgrade } from './upgrade-request.js';

/** A request that carries one of these came through a proxy or from a web page. */
const FOREIGN_HEADERS = ['forwarded', 'x-forwarded-for', 'via', 'x-real-ip', 'origin'];
/** Who connects over a Unix socket has no address. */
const UNIX_PEER = { address: 'the Unix socket' };
const RETRY_SECONDS = 5;
const NO_WEBSOCKET: Refusal = { status: 400, text: 'the upgrade must be to websocket' };

type ServiceOptions = Pick<
  ResolvedRelayOptions,
  'servicePath' | 'maxServiceConnections' | 'ingressHeader'
>;

/** Takes the service connections of hub servers. */
export class ServiceEndpoint {
  private readonly path: string;
  private readonly foreignHeaders: readonly string[];

  /** @param verify without it, only peers on this machine are let in */
  constructor(
    private readonly core: RelayCore,
    private readonly options: ServiceOptions,
    private readonly verify: TokenVerifier | undefined,
    private readonly sockets: TrackedSockets,
    private readonly failures: FailureLog,
    private readonly headerOf: (socket: object) => ProxyHeader | undefined,
    private readonly ingressOf: IngressFinder,
  ) {
    const { servicePath, ingressHeader } = options;
    this.path = normalizePath(servicePath);
    this.foreignHeaders = ingressHeader
      ? [...FOREIGN_HEADERS, ingressHeader.toLowerCase()]
      : FOREIGN_HEADERS;
  }

  /** Whether a request is for service connections. */
  serves(request: IncomingMessage): boolean {
    return pathnameOf(request) === this.path;
  }

  /**
   * Lets a hub server in or refuses it. Never rejects.
   * @param isUnix whether it came over a Unix socket
   */
  async handle(upgrade: Upgrade, isUnix = false): Promise<void> {
    const { request, socket, head } = upgrade;
    const { address } = isUnix ? UNIX_PEER : peerOf(socket, this.headerOf(socket));
    if (socket.destroyed) return;
    this.sockets.add(socket);
    try {
      const authenticatedAs = await this.authenticate(request, isUnix);
      if (socket.destroyed) return;
      if (this.core.sessionCount >= this.options.maxServiceConnections) {
        throw new Refused(retryLater(503, 'too many service connections', RETRY_SECONDS));
      }
      const fault = asksForWebSocket(request) ? checkHandshake(request) : NO_WEBSOCKET;
      if (fault) throw new Refused(fault);
      const ingress = this.ingressOf(request);
      if (!grantUpgrade(request, socket)) return;
      const batches = new FramedBatchSocket(socket, head, 'client', MAX_SERVICE_PAYLOAD_BYTES);
      this.core.attach(new WebSocketTransport(batches), { authenticatedAs, ingress });
    } catch (error) {
      const refusal = refusalOf(error);
      this.failures.warn(address, `Service connection refused: ${refusal.text}`);
      refuseUpgrade(socket, refusal);
    }
  }

  /** @returns the serverId the token is for; `undefined` for a peer on this machine */
  private async authenticate(
    { headers, socket }: IncomingMessage,
    isUnix: boolean,
  ): Promise<string | undefined> {
    if (!this.verify) {
      const isDirect = this.foreignHeaders.every((name) => headers[name] === undefined);
      if (isDirect && (isUnix || this.isLocal(socket))) return undefined;
      throw new Refused({
        status: 403,
        text: 'without security.secrets or security.publicKeys only direct connections of this machine are accepted',
      });
    }
    const [, token] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
    if (!token) throw unauthorized('a bearer token is required');
    return (await this.verify(token)).serverId;
  }

  /** Whether the peer is on this machine, and so is the one for whom it speaks, if it is a proxy. */
  private isLocal(socket: Socket): boolean {
    const header = this.headerOf(socket);
    if (header && !header.isLocal && !isLoopbackHost(header.source?.address ?? '')) return false;
    return isLoopbackHost(plainAddress(socket.remoteAddress));
  }
}

class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.text);
  }
}

const unauthorized = (text: string) =>
  new Refused({ status: 401, text, headers: ['WWW-Authenticate', 'Bearer'] });

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refused) return error.refusal;
  if (error instanceof TokenError) return unauthorized(error.message).refusal;
  return { status: 500, text: 'internal fault' };
}
