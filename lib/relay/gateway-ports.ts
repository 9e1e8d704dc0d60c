import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ResolvedRelayOptions } from '../options/index.js';
import { createOwnServer, listen, stopListening } from './own-http-server.js';
import type { OwnServerOptions } from './own-http-server.js';
import type { ProxyProtocolGate } from './proxy-protocol-gate.js';
import type { RelayLog } from './relay-log.js';
import type { Upgrade } from './upgrade-request.js';

type GatewayPortOptions = OwnServerOptions &
  Pick<ResolvedRelayOptions, 'gatewayPorts' | 'gatewayHost'>;

/** The ports that gateways asked for beside the application's own. */
export class GatewayPorts {
  private readonly servers = new Map<number, Server>();
  private readonly refused = new Set<number>();
  private closed = false;

  constructor(
    private readonly options: GatewayPortOptions,
    private readonly onUpgrade: (port: number, upgrade: Upgrade) => void,
    private readonly log: RelayLog,
    private readonly gate: ProxyProtocolGate,
  ) {}

  /** Ports that are open. */
  get open(): number[] {
    return [...this.servers].filter(([, server]) => server.listening).map(([port]) => port);
  }

  /** Opens a port that a hub server announced. Never fails: what goes wrong is logged. */
  async ensure(port: number): Promise<void> {
    if (this.closed || this.servers.has(port) || this.refused.has(port)) return;
    const { gatewayPorts, gatewayHost } = this.options;
    if (gatewayPorts && !gatewayPorts.includes(port)) {
      this.refused.add(port);
      this.log.error(`Gateway port ${port} is not opened: relay.gatewayPorts does not name it`);
      return;
    }
    const server = createOwnServer(this.options, 426, this.gate, (upgrade) =>
      this.onUpgrade(port, upgrade),
    );
    this.servers.set(port, server);
    try {
      await listen(server, { port, host: gatewayHost });
    } catch (error) {
      this.servers.delete(port);
      this.log.error(`Gateway port ${port} cannot be opened: ${(error as Error).message}`);
      return;
    }
    server.on('error', ({ message }) => this.log.error(`Gateway port ${port}: ${message}`));
    const { address } = server.address() as AddressInfo;
    this.log.log(`Gateway port ${port} is open on ${address}`);
  }

  close(): void {
    this.closed = true;
    for (const server of this.servers.values()) stopListening(server);
  }
}
