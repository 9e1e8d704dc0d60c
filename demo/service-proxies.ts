import type { ProxiedConnection } from '../test/support/proxied-connection.js';
import { TcpProxy } from '../test/support/tcp-proxy.js';

/** The ingress instances of the demo, and the addresses that stand for them. */
const ADDRESSES = { 'ingress-a': '127.0.0.2', 'ingress-b': '127.0.0.3' };
export type IngressId = keyof typeof ADDRESSES;
export const INGRESSES = Object.keys(ADDRESSES) as IngressId[];

/** How the relay knows through which of them a connection came. */
export const INGRESS_VARIABLES = {
  MIGRATION_RELAY_PROXY_PROTOCOL: 'accept',
  MIGRATION_RELAY_TRUSTED_PROXIES: '127.0.0.1',
  MIGRATION_RELAY_INGRESSES: INGRESSES.map((id) => `${id}=${ADDRESSES[id]}`).join(','),
};

/** The ways of one hub server to its relay: through each ingress, a proxy of its own. */
export class ServiceProxies {
  private constructor(private readonly proxies: Record<IngressId, TcpProxy>) {}

  static async start(relayPort: number): Promise<ServiceProxies> {
    const start = (id: IngressId) =>
      TcpProxy.start(relayPort, `PROXY TCP4 127.0.0.1 ${ADDRESSES[id]} 1 443\r\n`);
    return new ServiceProxies({
      'ingress-a': await start('ingress-a'),
      'ingress-b': await start('ingress-b'),
    });
  }

  get ports(): number[] {
    return this.all.map(({ port }) => port);
  }

  through(ingress: IngressId): TcpProxy {
    return this.proxies[ingress];
  }

  /** The connections that are not closed yet. */
  get connections(): ProxiedConnection[] {
    return this.all.flatMap(({ connections }) => connections);
  }

  /** Those to which nothing was done. */
  get healthy(): ProxiedConnection[] {
    return this.all.flatMap(({ healthy }) => healthy);
  }

  /** The one of those that has carried the most. */
  get busiest(): ProxiedConnection | undefined {
    const bytes = (it: ProxiedConnection) => it.bytes('up') + it.bytes('down');
    return this.healthy.toSorted((a, b) => bytes(b) - bytes(a))[0];
  }

  /** Cuts all connections by RST. */
  reset(): void {
    for (const proxy of this.all) {
      proxy.reset();
    }
  }

  /** Whether new connections are cut at once. */
  refuse(refusing: boolean): void {
    for (const proxy of this.all) {
      proxy.refuse(refusing);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((proxy) => proxy.close()));
  }

  private get all(): TcpProxy[] {
    return INGRESSES.map((ingress) => this.proxies[ingress]);
  }
}
