type Method = (...args: unknown[]) => unknown;

/**
 * What the gateways' `handleConnection` and `handleDisconnect` methods throw. Nest calls them within a
 * subscription, out of which an error does not come back: it would end the process, in the middle of
 * a deploy, as an uncaught exception.
 */
export class ConnectionFaults {
  private readonly faults = new WeakMap<object, { error: unknown }>();

  /** @param disconnectFailed told what `handleDisconnect` threw */
  constructor(private readonly disconnectFailed: (error: unknown) => void) {}

  /** Keeps what this gateway throws. To be called before Nest binds its methods. */
  watch(gateway: object): void {
    wrap(gateway, 'handleConnection', (error, client) => this.faults.set(client, { error }));
    wrap(gateway, 'handleDisconnect', (error) => this.disconnectFailed(error));
  }

  /** What `handleConnection` threw for this client, once. */
  take(client: object): { error: unknown } | undefined {
    const fault = this.faults.get(client);
    this.faults.delete(client);
    return fault;
  }
}

function wrap(gateway: object, name: string, failed: (error: unknown, client: object) => void) {
  const method = (gateway as Record<string, unknown>)[name];
  if (typeof method !== 'function') return;
  const value: Method = (...args) => {
    try {
      return (method as Method).apply(gateway, args);
    } catch (error) {
      failed(error, args[0] as object);
      return undefined;
    }
  };
  Object.defineProperty(gateway, name, { value, configurable: true, writable: true });
}
