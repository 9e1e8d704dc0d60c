import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import { NotMigratableException } from '../gateway/exceptions/not-migratable.exception.js';
import type { HubClient } from '../gateway/hub-client.js';
import { selectorOf } from '../gateway/migration.js';
import type {
  MigrationEvent,
  MigrationRequestOptions,
  MigrationStatus,
} from '../gateway/migration.js';
import type { MoveChange } from '../protocol/hub-link-owner.js';
import type { HubLink } from '../protocol/hub-link.js';
import type { HubCore } from './hub-core.js';
import type { CommandAnswer, MoveCommand } from './migration-commands.js';
import { MovableClient } from './movable-client.js';
import { refusedCommand } from './refused-command.js';

/**
 * A migration that was requested.
 * @publicApi
 */
export interface MigrationTicket extends MigrationStatus {
  /** As `MigrationService.cancel()`. */
  cancel(): Promise<MigrationStatus>;
  /** As `MigrationService.stateOf()`. */
  status(): Promise<MigrationStatus>;
}

/** Requests for the migration of single connections, and what becomes of them. */
@Injectable()
export class MigrationRequests {
  private readonly events = new Subject<MigrationEvent>();
  readonly events$: Observable<MigrationEvent> = this.events.asObservable();
  private core: HubCore | undefined;

  /** The hub server whose relays are asked. */
  attach(core: HubCore): void {
    this.core = core;
  }

  changed({ connectionId }: HubLink, change: MoveChange): void {
    if (this.events.observed) this.events.next(Object.freeze({ connectionId, ...change }));
  }

  /** No more events will come. */
  end(): void {
    this.events.complete();
  }

  async request(
    connection: HubClient | string,
    { to, deadlineMs, reason = 'requested' }: MigrationRequestOptions = {},
  ): Promise<MigrationTicket> {
    const connectionId = checked(connection);
    const status = await this.ask(connectionId, {
      action: 'request',
      reason,
      ...(to !== undefined && { to: selectorOf(to) }),
      ...(deadlineMs !== undefined && { deadlineMs }),
    });
    return {
      ...status,
      cancel: () => this.cancel(connectionId),
      status: () => this.stateOf(connectionId),
    };
  }

  cancel(connection: HubClient | string): Promise<MigrationStatus> {
    return this.ask(idOf(connection), { action: 'cancel' });
  }

  stateOf(connection: HubClient | string): Promise<MigrationStatus> {
    return this.ask(idOf(connection), { action: 'state' });
  }

  private async ask(connectionId: string, command: MoveCommand): Promise<MigrationStatus> {
    const { core } = this;
    if (!core) throw refusedCommand(connectionId, 'noRelay');
    const { result, state, attempt, server, reason, waitsFor } = await new Promise<CommandAnswer>(
      (resolve) => core.command(connectionId, command, resolve),
    );
    if (result !== 'ok') throw refusedCommand(connectionId, result);
    return {
      connectionId,
      state,
      attempt,
      ...(server !== undefined && { server }),
      ...(reason !== undefined && { reason }),
      ...(waitsFor !== undefined && { waitsFor }),
    };
  }
}

const idOf = (connection: HubClient | string): string =>
  typeof connection === 'string' ? connection : connection.connectionId;

/** Of a client of this server more is known than the relay could say. */
function checked(connection: HubClient | string): string {
  const client: unknown = connection;
  if (client instanceof MovableClient && !client.migratable) {
    throw new NotMigratableException(
      client.connectionId,
      client.unfit && `cannot move: ${client.unfit.message}`,
    );
  }
  return idOf(connection);
}
