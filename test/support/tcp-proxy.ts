import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Direction, ProxiedConnection } from './proxied-connection.js';

/**
 * A TCP proxy on a free port of this host that does to connections what networks do: delay, hold,
 * swallow, cut. Connections are made to it instead of to its target.
 */
export class TcpProxy {
  /** What every new connection begins with. */
  private delayMs = 0;
  private stalled = false;
  private refusing = false;
  private readonly all = new Set<ProxiedConnection>();
  private readonly server: Server;

  private constructor(
    private readonly target: { port: number; host: string },
    private readonly preface: string,
  ) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.accept(socket),
    );
  }

  /** @param preface what the target gets ahead of each connection's own bytes */
  static async start(port: number, preface = ''): Promise<TcpProxy> {
    const proxy = new TcpProxy({ port, host: '127.0.0.1' }, preface);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The connections that are not closed yet, the oldest first. */
  get connections(): ProxiedConnection[] {
    return [...this.all];
  }

  /** Those to which nothing was done. */
  get healthy(): ProxiedConnection[] {
    return this.connections.filter((it) => !it.harmed);
  }

  /** The one of those that has carried the most. */
  get busiest(): ProxiedConnection | undefined {
    const bytes = (it: ProxiedConnection) => it.bytes('up') + it.bytes('down');
    return this.healthy.toSorted((a, b) => bytes(b) - bytes(a))[0];
  }

  /** Everything takes so long from now on, on new connections too. */
  delay(milliseconds: number): void {
    this.delayMs = milliseconds;
    for (const connection of this.all) connection.delay(milliseconds);
  }

  /** Holds all bytes both ways, on new connections too. */
  stall(): void {
    this.stalled = true;
    for (const connection of this.all) connection.stall();
  }

  resume(): void {
    this.stalled = false;
    for (const connection of this.all) connection.resume();
  }

  /** Swallows what goes in this direction, on the connections that are there. */
  halfOpen(direction: Direction): void {
    for (const connection of this.all) connection.halfOpen(direction);
  }

  /** Cuts all connections by RST. */
  reset(): void {
    for (const connection of this.all) connection.reset();
  }

  /** Ends all connections by FIN. */
  fin(): void {
    for (const connection of this.all) connection.fin();
  }

  /** Whether new connections are cut at once. */
  refuse(refusing: boolean): void {
    this.refusing = refusing;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.reset();
    await closed;
  }

  private accept(near: Socket) {
    if (this.refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...this.target, allowHalfOpen: true, noDelay: true });
    if (this.preface) far.write(this.preface);
    const connection = new ProxiedConnection(near, far);
    this.all.add(connection);
    void connection.closed.then(() => this.all.delete(connection));
    connection.delay(this.delayMs);
    if (this.stalled) connection.stall();
  }
}
