import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import {
  Batch,
  type BatchContext,
  Checkpoint,
  type HubClient,
  Migratable,
  MigrationService,
  OnMigrateResume,
} from 'nestjs-ws-migration';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  CountedFrame,
  ExportCursor,
  ExportQuery,
  HereFrame,
  StateFrame,
} from './export.messages.js';
import type { ExportState } from './export-state.js';
import { migratable, release } from './release.js';

/** So many rows are made at a time; in between an export looks whether it has to stop. */
const CHUNK = 50;
const CHUNK_MS = 20;
/** After so many rows the client is told that they are safe. */
const MARK = 500;

/** Exports rows, and counts in a state that travels with the connection. */
@WebSocketGateway({ path: '/export' })
@Migratable(migratable)
export class ExportGateway implements OnGatewayConnection<HubClient> {
  constructor(private readonly migration: MigrationService) {}

  handleConnection(client: HubClient): void {
    const { version, since } = stateOf(client);
    const data: HereFrame = {
      server: this.migration.serverId,
      version: release,
      reason: client.migration?.reason ?? null,
      stateVersion: version,
      since: since.getTime(),
    };
    client.send(JSON.stringify({ event: 'here', data }));
  }

  @SubscribeMessage('export')
  export(
    @ConnectedSocket() client: HubClient,
    @MessageBody() query: ExportQuery,
    @Batch() batch: BatchContext,
  ) {
    return this.rows(client, query, batch, { next: 1 });
  }

  /** At the next server, or here again when the connection could not move. */
  @OnMigrateResume('export')
  resume(
    @ConnectedSocket() client: HubClient,
    @MessageBody() query: ExportQuery,
    @Batch() batch: BatchContext,
    @Checkpoint() cursor: ExportCursor,
  ) {
    return this.rows(client, query, batch, cursor);
  }

  @SubscribeMessage('count')
  count(@ConnectedSocket() client: HubClient, @MessageBody() { n }: { n: number }) {
    const state = stateOf(client);
    state.count(n, this.migration.serverId);
    const data: CountedFrame = { n, total: state.total, repeats: state.repeats };
    return { event: 'counted', data };
  }

  @SubscribeMessage('state')
  state(@ConnectedSocket() client: HubClient) {
    const { total, servers, finished } = stateOf(client);
    const data: StateFrame = { total, servers: [...servers], finished: [...finished] };
    return { event: 'state', data };
  }

  private async *rows(
    client: HubClient,
    { id, rows }: ExportQuery,
    batch: BatchContext,
    { next }: ExportCursor,
  ) {
    yield { event: 'from', data: { id, from: next } };
    while (next <= rows) {
      for (const end = Math.min(next + CHUNK, rows + 1); next < end; next += 1) {
        yield { event: 'row', data: { id, n: next } };
      }
      // The export ends here when the connection is asked to move: the rest comes from the next server.
      batch.checkpoint({ next });
      if ((next - 1) % MARK === 0) {
        await client.checkpoint();
        yield { event: 'mark', data: { id, n: next - 1 } };
      }
      await sleep(CHUNK_MS);
    }
    stateOf(client).finish(id, rows);
    yield { event: 'end', data: { id, rows } };
  }
}

function stateOf(client: HubClient): ExportState {
  return client.state as ExportState;
}
