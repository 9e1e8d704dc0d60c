import process from 'node:process';
import { EventEmitter } from 'node:events';
import type { HubClient } from '../gateway/hub-client.js';
import { HubServer } from '../gateway/hub-server.js';
import type { EndpointKey } from '../protocol/messages.js';

/** What a gateway's server is made of: its clients are virtual, it listens on nothing. */
export class VirtualServer extends HubServer {
  readonly clients = new Set<HubClient>();
  readonly path: string;
  private closing: Promise<void> | undefined;

  constructor(
    readonly endpoint: EndpointKey,
    readonly options: Readonly<Record<string, unknown>>,
  ) {
    super();
    this.path = endpoint.path;
    this.setMaxListeners(0);
  }

  address(): { address: string; family: string; port: number } | null {
    const { port } = this.endpoint;
    return port === 0 ? null : { address: '::', family: 'IPv6', port };
  }

  /** Emits `close` once and calls back; clients are closed by the shutdown of the hub server. */
  close(callback?: (error?: Error) => void): void {
    this.closing ??= new Promise((resolve) => {
      process.nextTick(() => {
        EventEmitter.prototype.emit.call(this, 'close');
        resolve();
      });
    });
    if (callback) void this.closing.then(() => callback());
  }
}
