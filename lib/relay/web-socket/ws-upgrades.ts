import { WebSocketServer } from 'ws';
import type { ServerOptions, WebSocket } from 'ws';
import type { Upgrade } from '../upgrade-request.js';
import type { ClientSocketSettings } from './upgrade-answers.js';

/** Answers upgrades by `ws`. Clients with the same settings share one `WebSocketServer`. */
export class WsUpgrades {
  private readonly servers = new Map<string, WebSocketServer>();
  private protocol = '';

  constructor(private readonly closeTimeoutMs: number) {}

  /** @returns `undefined` when the client is gone or its request turned out to be malformed */
  upgrade({ request, socket, head }: Upgrade, settings: ClientSocketSettings) {
    const { maxPayload, compress } = settings;
    const name = `${maxPayload} ${compress}`;
    let server = this.servers.get(name);
    if (!server) this.servers.set(name, (server = this.createServer(maxPayload, compress)));
    // The callback comes before handleUpgrade returns, and so does the choice of a protocol.
    this.protocol = settings.protocol;
    let opened: WebSocket | undefined;
    server.handleUpgrade(request, socket, head, (ws) => {
      opened = ws;
    });
    return opened;
  }

  private createServer(maxPayload: number, compress: boolean) {
    const options: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      maxPayload,
      perMessageDeflate: compress,
      closeTimeout: this.closeTimeoutMs,
      handleProtocols: (offered) => (offered.has(this.protocol) ? this.protocol : false),
    };
    return new WebSocketServer(options);
  }
}
