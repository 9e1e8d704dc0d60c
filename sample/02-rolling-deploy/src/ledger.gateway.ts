import { Inject, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { type HubClient, Migratable, MigrationService, OnShutdown } from 'nestjs-ws-migration';
import { migrationConfig } from 'nestjs-ws-migration/config';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ledger, type LedgerEntry, monotonicMicros } from './ledger.js';
import { type DownMessage, padLetter, type UpMessage } from './ledger.messages.js';

const SWEEP_MS = 20;
const SLOW_EVERY = 10;
const SLOW_MS = 30;
const LARGE_EVERY = 60;

/** The stay of one connection on this server. */
interface Visit {
  id: number;
  label: string;
  sent: number;
  pushing: boolean;
  nextPush: number;
}

/**
 * Answers every `up` with a `down`, and pushes more of them to connections that ask for it
 * (`/ledger?client=<label>&kind=busy`) from `handleConnection` until `handleDisconnect`. All are
 * numbered and written to the ledger.
 */
@WebSocketGateway({ path: '/ledger' })
@Migratable({ ack: 'handled' })
export class LedgerGateway
  implements
    OnGatewayConnection<HubClient>,
    OnGatewayDisconnect<HubClient>,
    OnModuleInit,
    OnApplicationShutdown
{
  private readonly visits = new Map<HubClient, Visit>();
  private readonly pushEveryMs = 1000 / Number(process.env.LEDGER_PUSHES_PER_SECOND ?? 1);
  private lastVisit = 0;
  private sweeper?: NodeJS.Timeout;

  constructor(
    private readonly ledger: Ledger,
    private readonly migration: MigrationService,
    @Inject(migrationConfig.KEY) private readonly config: ConfigType<typeof migrationConfig>,
  ) {}

  onModuleInit(): void {
    this.ledger.write([['server', this.migration.serverId]]);
    this.sweeper = setInterval(() => this.push(), SWEEP_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.sweeper);
  }

  handleConnection(client: HubClient, request: IncomingMessage): void {
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
    const label = query.get('client') ?? client.connectionId;
    const id = ++this.lastVisit;
    const from = client.migration?.from ?? null;
    this.ledger.write([['open', id, label, client.connectionId, from, monotonicMicros()]]);
    const pushing = query.get('kind') !== 'idle';
    const nextPush = Date.now() + Math.random() * this.pushEveryMs;
    const visit: Visit = { id, label, sent: 0, pushing, nextPush };
    this.visits.set(client, visit);
    if (!client.migration) {
      const { connectionId } = client;
      const data = { connectionId, server: this.migration.serverId };
      client.send(JSON.stringify({ event: 'hello', data }));
    }
    if (pushing) {
      // At once, while the server that the connection comes from may still push to it.
      this.pushTo([{ client, visit }]);
    }
  }

  handleDisconnect(client: HubClient): void {
    const visit = this.visits.get(client);
    this.visits.delete(client);
    if (visit) {
      const to = client.migration?.to ?? null;
      this.ledger.write([['close', visit.id, to, monotonicMicros()]]);
    }
  }

  @SubscribeMessage('up')
  async up(@ConnectedSocket() client: HubClient, @MessageBody() message: UpMessage) {
    const visit = this.visitOf(client);
    const { n, from, size, pad } = message;
    const intact = pad === padLetter(n).repeat(size);
    this.ledger.write([['up', visit.id, from, n, intact, monotonicMicros()]]);
    const started = performance.now();
    if (n % SLOW_EVERY === 0) {
      await sleep(SLOW_MS);
    }
    const tookMs = performance.now() - started;
    const data: DownMessage = { ...this.next(visit), re: n, tookMs };
    this.ledger.write([['down', visit.id, data.n]]);
    return { event: 'down', data };
  }

  /** The client is about to leave: nothing more is pushed to it. */
  @SubscribeMessage('end')
  end(@ConnectedSocket() client: HubClient) {
    this.visitOf(client).pushing = false;
    return { event: 'ended', data: { server: this.migration.serverId } };
  }

  /** Clients that stay until they leave by themselves must be asked to. */
  @OnShutdown()
  askToLeave(): void {
    if (this.config.shutdown?.mode === 'waitForClientsClose') {
      for (const client of this.visits.keys()) {
        client.send(JSON.stringify({ event: 'leave', data: {} }));
      }
    }
  }

  private push(): void {
    const now = Date.now();
    const due = [...this.visits]
      .map(([client, visit]) => ({ client, visit }))
      .filter(({ visit }) => visit.pushing && visit.nextPush <= now);
    for (const { visit } of due) {
      visit.nextPush = Math.max(visit.nextPush + this.pushEveryMs, now);
    }
    this.pushTo(due);
  }

  private pushTo(targets: readonly { client: HubClient; visit: Visit }[]): void {
    const pushes = targets.map((target) => ({ ...target, data: this.next(target.visit) }));
    this.ledger.write(pushes.map(({ visit, data }): LedgerEntry => ['down', visit.id, data.n]));
    for (const { client, data } of pushes) {
      client.send(JSON.stringify({ event: 'down', data }));
    }
  }

  private next(visit: Visit): DownMessage {
    const n = ++visit.sent;
    const size = n % LARGE_EVERY === 0 ? 20_480 : n % 64;
    return {
      server: this.migration.serverId,
      visit: visit.id,
      to: visit.label,
      n,
      size,
      pad: padLetter(n).repeat(size),
    };
  }

  private visitOf(client: HubClient): Visit {
    const visit = this.visits.get(client);
    if (!visit) {
      throw new Error(`connection ${client.connectionId} is not on this server`);
    }
    return visit;
  }
}
