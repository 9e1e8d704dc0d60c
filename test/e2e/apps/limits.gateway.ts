import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import {
  Batch,
  type BatchContext,
  Checkpoint,
  type FailedMigration,
  type Hold,
  HubClient,
  Migratable,
  OnMigrateIn,
  OnMigrateResume,
  OnMigrationFailed,
  OnMigrationReady,
  type PendingMigration,
} from 'nestjs-ws-migration';
import { setTimeout as sleep } from 'node:timers/promises';
import { gate, onCommand, report } from './parent.js';
import { serverName, VisitorGateway } from './visitor.gateway.js';

const { E2E_READY, E2E_RESUME, E2E_REFUSALS = '0' } = process.env;

interface Mark {
  connectionId: string;
  migratable: boolean;
}

/** Hooks that do what variables say, and handlers that keep a connection from moving. */
@WebSocketGateway({ path: '/limits' })
@Migratable()
export class LimitsGateway extends VisitorGateway {
  private asked = 0;
  private refusals = Number(E2E_REFUSALS);
  private readonly holds = new Map<string, Hold>();

  constructor() {
    super();
    onCommand('release', (connectionId) => this.holds.get(connectionId as string)?.release());
    onCommand('mark', (argument) => {
      const { connectionId, migratable } = argument as Mark;
      const client = [...this.server.clients].find((it) => it.connectionId === connectionId);
      client!.migratable = migratable;
    });
  }

  @OnMigrationReady()
  async ready(client: HubClient, migration: PendingMigration): Promise<void> {
    const { connectionId } = client;
    report('ready hook', { connectionId, to: migration.to, reason: migration.reason });
    switch (E2E_READY) {
      case 'hangs':
        return new Promise(() => {});
      case 'waits':
        return gate('ready');
      case 'cancels':
        return migration.cancel();
      case 'cancels twice':
        if (++this.asked <= 2) migration.cancel();
    }
  }

  @OnMigrateIn()
  arrives({ connectionId }: HubClient): void {
    report('arrives', { connectionId });
    if (this.refusals > 0) {
      this.refusals -= 1;
      throw new Error(`no room, ${this.refusals} refusals left`);
    }
  }

  @OnMigrationFailed()
  stays({ connectionId }: HubClient, { reason, detail }: FailedMigration): void {
    report('stays', { connectionId, reason, detail });
  }

  @SubscribeMessage('hold')
  hold(@ConnectedSocket() client: HubClient, @MessageBody() options: { limitMs?: number }) {
    this.holds.set(client.connectionId, client.hold({ reason: 'checkout', ...options }));
    return { event: 'held', data: { server: serverName } };
  }

  /** Numbers without end, until its connection moves. */
  @SubscribeMessage('numbers')
  numbers(@Batch() batch: BatchContext) {
    return this.from(1, batch);
  }

  @OnMigrateResume('numbers')
  resume(@Checkpoint() next: number, @Batch() batch: BatchContext) {
    report('resumed', { next });
    if (E2E_RESUME === 'throws') throw new Error('the rest is lost');
    return this.from(next, batch);
  }

  private async *from(first: number, batch: BatchContext) {
    for (let n = first; ; n += 1) {
      yield { event: 'number', data: { server: serverName, n } };
      batch.checkpoint(n + 1);
      await sleep(5);
    }
  }
}
