import { Injectable } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayDisconnect } from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';
import {
  ConnectionRefusedException,
  GracefulShutdown,
  HubClient,
  HubServer,
  Migratable,
  MigrationService,
  OnConnect,
  OnShutdown,
} from 'nestjs-ws-migration';
import type { DrainResult, Migration, MigrationOptions } from 'nestjs-ws-migration';

/** Everything that a gateway may use, for the compiler. */
@Migratable({ ack: 'handled', shutdown: 'migrateClients' })
@WebSocketGateway({ path: '/full' })
export class FullGateway implements OnGatewayConnection, OnGatewayDisconnect {
  @WebSocketServer() server!: HubServer;

  constructor(
    private readonly migration: MigrationService,
    shutdown: GracefulShutdown,
  ) {
    shutdown.add(FullGateway, () => {});
  }

  @OnConnect()
  allow(request: IncomingMessage): boolean {
    if (!request.url) throw new ConnectionRefusedException(400, 'no url');
    return true;
  }

  handleConnection(client: HubClient, request: IncomingMessage): void {
    const id: string = client.connectionId;
    const migration: Migration | undefined = client.migration;
    client.on('message', (data) => client.send(`${id} ${migration?.from} ${String(data)}`));
    client.send(request.url ?? '');
  }

  handleDisconnect(client: HubClient): void {
    if (client.migration?.to === undefined) client.terminate();
  }

  @SubscribeMessage('all')
  all(client: HubClient): number {
    for (const other of this.server.clients) {
      if (other !== client) other.send(this.migration.serverId);
    }
    return this.server.clients.size;
  }

  @OnShutdown()
  async bye(): Promise<void> {}
}

@Injectable()
export class DeployTool {
  readonly options: MigrationOptions = { hub: { ack: 'received' }, relay: { servicePort: 0 } };

  constructor(private readonly migration: MigrationService) {}

  drain(): Promise<DrainResult> {
    return this.migration.drain();
  }

  clients(): number {
    return this.migration.stats().relay?.clients ?? 0;
  }
}
