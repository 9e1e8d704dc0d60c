import type { ProxiedConnection } from '../test/support/proxied-connection.js';
import { TcpProxy } from '../test/support/tcp-proxy.js';

/** The ingress instances of the demo. */
export const INGRESSES = ['ingress-a', 'ingress-b'] as const;
export type IngressId = (typeof INGRESSES)[number];

/** The ways of one hub server to its relay: through each ingress, a proxy of its own. */
export class ServiceProxies {
  private constructor(private readonly proxies: Record<IngressId, TcpProxy>) {}

  static async start(relayPort: number): Promise<ServiceProxies> {
    return new ServiceProxies({
      'ingress-a': await TcpProxy.start(relayPort),
      'ingress-b': await TcpProxy.start(relayPort),
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
