import { MigrationTooLateException } from '../gateway/exceptions/migration-too-late.exception.js';
import type { HubClient } from '../gateway/hub-client.js';
import { selectorOf } from '../gateway/migration.js';
import type { PendingMigration, ServerSelector } from '../gateway/migration.js';
import type { MoveRequest } from '../protocol/hub-link-owner.js';
import type { EndpointMoves } from './endpoint-moves.js';
import { callAll, endsWithin } from './hook-calls.js';
import { hooksTooLong, leaveHookFailed } from './move.messages.js';

/** How the gateways decided about a connection that could leave. */
export interface Decision {
  /** It stays. */
  readonly cancelled: boolean;
  /** It goes there, when a gateway chose so. */
  readonly to: ServerSelector | undefined;
}

/** Targets that gateways may choose one after the other before one of them is taken. */
const MOST_TARGETS = 8;

/** The gateways have the last word on a connection that could leave: they let it go, or not. */
export class LastWord {
  private over = false;
  private cancelled = false;
  private chosen: ServerSelector | undefined;
  /** Chosen by a method that is being called. */
  private next: ServerSelector | undefined;

  constructor(
    private readonly client: HubClient,
    private readonly moves: EndpointMoves,
    private readonly move: MoveRequest,
  ) {}

  /** Calls the hooks, within their limit. @returns undefined when it was {@link end}ed meanwhile */
  async ask(): Promise<Decision | undefined> {
    const { clock, limits, fault } = this.moves;
    const { connectionId } = this.client;
    const asked = this.askReady().then(() => this.tellOut());
    const inTime = await endsWithin(clock, limits.migrationHookMs, asked);
    if (this.over) return undefined;
    this.over = true;
    if (!inTime) fault(hooksTooLong(connectionId, limits.migrationHookMs));
    return { cancelled: this.cancelled, to: this.chosen };
  }

  /** Nobody asks any more: the move was rolled back, or the connection is gone. */
  end(): void {
    this.over = true;
  }

  private async askReady() {
    for (let i = 0; i < MOST_TARGETS; i++) {
      const migration = this.pending();
      await this.call(this.moves.hooks.ready, migration);
      if (this.cancelled || !this.next) return;
      this.chosen = this.next;
      this.next = undefined;
    }
  }

  private async tellOut() {
    if (this.over || this.cancelled) return;
    const { attempt, reason, deadlineMs } = this.move;
    const to = this.chosen ?? this.move.to;
    await this.call(
      this.moves.hooks.out,
      Object.freeze({ attempt, reason, deadlineMs, ...(to && { to }) }),
    );
  }

  private call<Step>(hooks: readonly ((client: HubClient, step: Step) => unknown)[], step: Step) {
    const { client } = this;
    return callAll(
      hooks.map((hook) => () => (this.over || this.cancelled ? undefined : hook(client, step))),
      (error) => this.moves.fault(leaveHookFailed(client.connectionId), error),
    );
  }

  private pending(): PendingMigration {
    const { attempt, reason, deadlineMs } = this.move;
    const to = this.chosen ?? this.move.to;
    return Object.freeze({
      attempt,
      reason,
      deadlineMs,
      ...(to && { to }),
      cancel: () => {
        this.checkOpen();
        this.cancelled = true;
      },
      retarget: (target: string | ServerSelector) => {
        this.checkOpen();
        this.next = selectorOf(target);
      },
    });
  }

  private checkOpen() {
    if (this.over) throw new MigrationTooLateException(this.client.connectionId);
  }
}
