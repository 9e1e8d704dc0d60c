import { Buffer } from 'node:buffer';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { ResolvedRelayOptions } from '../options/index.js';
import type { Clock } from '../protocol/clock.js';
import { plainAddress } from './client-address.js';
import type { FailureLog } from './failure-log.js';
import { ProxyProtocolError, parseProxyHeader } from './proxy-protocol.js';
import type { ProxyHeader } from './proxy-protocol.js';

type GateOptions = Pick<ResolvedRelayOptions, 'proxyProtocol' | 'handshakeTimeoutMs'>;
type Listener = (this: Server, socket: Socket) => void;

/** The application's server ends TLS itself, so a PROXY header before it cannot be read. */
export class ProxyProtocolOverTlsError extends Error {
  override readonly name = 'ProxyProtocolOverTlsError';

  constructor() {
    super(
      'relay.proxyProtocol cannot be used with an HTTPS server: end TLS at the proxy, or set it to "off"',
    );
  }
}

/**
 * Reads the PROXY protocol's header of new connections before their HTTP server sees them. The
 * server then has the socket as if nothing had been read.
 */
export class ProxyProtocolGate {
  private readonly headers = new WeakMap<object, ProxyHeader>();
  private readonly pending = new Set<Socket>();

  /** @param isTrusted whether an address is that of a proxy that is believed */
  constructor(
    private readonly options: GateOptions,
    private readonly isTrusted: (address: string) => boolean,
    private readonly clock: Clock,
    private readonly failures: FailureLog,
  ) {}

  /**
   * Stands before a server; does nothing when the option is off.
   * @throws ProxyProtocolOverTlsError
   */
  guard(server: Server): void {
    if (this.options.proxyProtocol === 'off') return;
    if ((server as object) instanceof TlsServer) throw new ProxyProtocolOverTlsError();
    const behind = server.rawListeners('connection') as Listener[];
    const gate = (socket: Socket) =>
      this.receive(socket, () => {
        for (const listener of behind) listener.call(server, socket);
      });
    server.removeAllListeners('connection').on('connection', gate);
  }

  /** What the proxy said of the connection, if one said anything. */
  headerOf(socket: object): ProxyHeader | undefined {
    return this.headers.get(socket);
  }

  /** Cuts connections whose header is awaited. New ones still begin with one, so it stays in place. */
  close(): void {
    for (const socket of this.pending) socket.destroy();
  }

  private receive(socket: Socket, pass: () => void) {
    const peer = plainAddress(socket.remoteAddress);
    if (this.isTrusted(peer)) {
      this.read(socket, peer, pass);
    } else if (this.options.proxyProtocol === 'require') {
      this.cut(socket, peer, 'the peer is not one of relay.trustedProxies');
    } else {
      pass();
    }
  }

  private read(socket: Socket, peer: string, pass: () => void) {
    let bytes: Buffer = Buffer.alloc(0);
    const done = () => {
      this.clock.clearTimer(timer);
      this.pending.delete(socket);
      socket.off('data', onData).off('end', onEnd).off('close', done).off('error', onError);
    };
    const fail = (why: string) => {
      done();
      this.cut(socket, peer, why);
    };
    const onEnd = () => {
      if (bytes.length > 0) {
        fail('the connection ended before its header');
        return;
      }
      // A check whether the port is open.
      done();
      socket.destroy();
    };
    const onError = () => socket.destroy();
    const onData = (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      try {
        const header = parseProxyHeader(bytes);
        if (header === 'incomplete') return;
        if (header === 'absent' && this.options.proxyProtocol === 'require') {
          fail('there is no header');
          return;
        }
        done();
        const rest = header === 'absent' ? bytes : bytes.subarray(header.length);
        if (header !== 'absent') this.headers.set(socket, header);
        this.handOn(socket, rest, pass);
      } catch (error) {
        if (!(error instanceof ProxyProtocolError)) throw error;
        fail(error.message);
      }
    };
    const timer = this.clock.setTimer(
      () => fail('no header came in time'),
      this.options.handshakeTimeoutMs,
    );
    this.pending.add(socket);
    socket.on('data', onData).on('end', onEnd).on('close', done).on('error', onError);
  }

  /** The server's own listeners attach to the socket before what was read behind the header flows. */
  private handOn(socket: Socket, rest: Buffer, pass: () => void) {
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    pass();
    socket.resume();
  }

  private cut(socket: Socket, peer: string, why: string) {
    socket.on('error', () => {});
    socket.destroy();
    this.failures.warn(peer, `Connection cut, PROXY protocol: ${why}`);
  }
}
