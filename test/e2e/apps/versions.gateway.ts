import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { type HubClient, Migratable, OnMigrationFailed } from 'nestjs-ws-migration';
import type { FailedMigration } from 'nestjs-ws-migration';
import { report } from './parent.js';
import { releases, type Tally } from './versions.state.js';
import { serverName, VisitorGateway } from './visitor.gateway.js';

/** A state whose form depends on the release that this process is. */
@WebSocketGateway({ path: '/versions' })
@Migratable(releases[process.env.E2E_STATE ?? '1'])
export class VersionsGateway extends VisitorGateway {
  @SubscribeMessage('add')
  add(@ConnectedSocket() client: HubClient, @MessageBody() name: string) {
    const tally = client.state as Tally;
    tally.add(name);
    const { constructor, total, names } = tally;
    return { event: 'tally', data: { server: serverName, form: constructor.name, total, names } };
  }

  @OnMigrationFailed()
  stays({ connectionId }: HubClient, { reason, detail }: FailedMigration): void {
    report('stays', { connectionId, reason, detail });
  }
}
