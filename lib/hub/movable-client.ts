import process from 'node:process';
import { MigrationTooLateException } from '../gateway/exceptions/migration-too-late.exception.js';
import type { Hold, HoldOptions } from '../gateway/hold.js';
import type { HubClient } from '../gateway/hub-client.js';
import type { Migration, MigrationState } from '../gateway/migration.js';
import type { PendingBatch } from '../gateway/state/context-codec.js';
import type { Departure, MoveRequest } from '../protocol/hub-link-owner.js';
import type { HubLink } from '../protocol/hub-link.js';
import type { ServerSelector } from '../protocol/messages.js';
import type { ArrivedWork, ConnectionWork } from './connection-work.js';
import type { EndpointMoves } from './endpoint-moves.js';
import { callAll, endsWithin } from './hook-calls.js';
import { Holds } from './holds.js';
import { LastWord } from './last-word.js';
import { MessageEmitter } from './message-emitter.js';
import { failedHookFailed, failedHooksTooLong, moveStepFailed } from './move.messages.js';
import { StateKeeper } from './state-keeper.js';
import type { KeptConnection, StartingContext } from './state-keeper.js';

const NO_BATCHES: readonly PendingBatch[] = [];
const NO_REQUESTS: readonly string[] = [];

/**
 * What a client has that moves between hub servers: its state, holds, the gateways' hooks. A client
 * that uses none of it has none of it.
 */
export abstract class MovableClient extends MessageEmitter implements KeptConnection {
  migration: Migration | undefined;
  /** The batches of the connection, once it had one. */
  work: ConnectionWork | undefined;
  /** What came with the connection for batches whose message has not come again yet. */
  arrived: ArrivedWork | undefined;
  protected link!: HubLink;
  private keeper: StateKeeper | undefined;
  private holds: Holds | undefined;
  private lastWord: LastWord | undefined;
  private allowed = true;
  private entered = false;
  /** The hooks of a migration that failed are at work. */
  private failing: Promise<void> | undefined;

  constructor(
    readonly connectionId: string,
    protected readonly moves: EndpointMoves,
  ) {
    super();
  }

  /** This object under the type that gateways know. */
  get client(): HubClient {
    return this as unknown as HubClient;
  }

  get state(): object | undefined {
    return this.keeper?.state;
  }

  set state(value: object | undefined) {
    if (this.moves.definition) {
      this.keep().state = value;
      return;
    }
    // A property of the application's own, as on any WebSocket.
    Object.defineProperty(this, 'state', {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }

  get migratable(): boolean {
    return this.allowed && !this.keeper?.unfit;
  }

  set migratable(value: boolean) {
    if (value === this.allowed) return;
    this.allowed = value;
    if (!this.entered) return;
    if (this.keeper) this.keeper.movableChanged();
    else this.link.checkpoint(undefined, value);
  }

  get migrationState(): MigrationState {
    return this.link.moveState;
  }

  get movable(): boolean {
    return this.allowed;
  }

  /** Why the client is not {@link migratable}, when that is not what the application wants. */
  get unfit(): Error | undefined {
    return this.keeper?.unfit;
  }

  get pending(): readonly PendingBatch[] {
    const own = this.work?.pending ?? NO_BATCHES;
    const came = this.arrived?.batches ?? NO_BATCHES;
    if (came.length === 0) return own;
    const known = new Set(own.map(({ number }) => number));
    return [...came.filter(({ number }) => !known.has(number)), ...own];
  }

  get cancelled(): readonly string[] {
    return (this.work ?? this.arrived)?.cancelled ?? NO_REQUESTS;
  }

  get holdsAcks(): boolean {
    return this.keeper !== undefined;
  }

  get waitsFor(): string {
    return this.holds?.reason ?? this.work?.waitsFor ?? 'handlers';
  }

  get wantsFlow(): boolean {
    return this.isHeld || (this.work?.wantsFlow ?? false);
  }

  checkpoint(): Promise<void> {
    return this.keeper?.checkpoint() ?? Promise.resolve();
  }

  hold(options: HoldOptions = {}): Hold {
    if (this.link.settling || this.isOver) throw new MigrationTooLateException(this.connectionId);
    const hold = (this.holds ??= new Holds(this.link, this.moves)).take(options);
    // What ends it may be among the messages that wait.
    process.nextTick(() => this.handOver());
    return hold;
  }

  /** What came with the connection, or what a new one begins with; before the gateways see it. */
  begin(context: StartingContext, arrived?: ArrivedWork): void {
    this.arrived = arrived;
    if (this.moves.definition || arrived) this.keep().begin(context);
  }

  /** The connection is this server's: from now on the relay hears of its context. */
  enter(): void {
    this.entered = true;
    if (this.keeper) this.keeper.enter();
    else if (!this.allowed) this.link.checkpoint(undefined, false);
  }

  /** A batch took a checkpoint, or has ended. */
  contextChanged(): void {
    this.keep().changed();
  }

  messageHandled(number: number): void {
    this.keep().messageHandled(number);
  }

  /** The present message is acknowledged as soon as it is handled, not at the next checkpoint. */
  acknowledgeNow(): void {
    this.keeper?.hurry();
  }

  moveRequested(): void {
    this.work?.moveRequested();
  }

  depart(move: MoveRequest, done: (departure: Departure) => void): void {
    const { ready, out } = this.moves.hooks;
    if (this.failing) {
      void this.failing.then(() => {
        if (this.link.settling && this.link.moveAttempt === move.attempt) this.depart(move, done);
      });
    } else if (!this.migratable) {
      done({ refusal: 'notMigratable' });
    } else if (ready.length + out.length === 0) {
      done(this.departure(undefined));
    } else {
      this.lastWord = new LastWord(this.client, this.moves, move);
      void this.watch(
        this.lastWord.ask().then((decision) => {
          if (decision?.cancelled) done({ refusal: 'cancelled' });
          else if (decision) done(this.departure(decision.to));
        }),
      );
    }
  }

  /** What was suspended or not handed over while the connection was about to move goes on now. */
  stays(reason: string, detail?: string): void {
    this.lastWord?.end();
    this.lastWord = undefined;
    this.keeper?.stays();
    const { failed } = this.moves.hooks;
    if (failed.length === 0 || this.link.moveState !== 'failed' || this.isOver) {
      this.goOn();
      return;
    }
    const { clock, limits, fault } = this.moves;
    const { connectionId, client } = this;
    const attempt = this.link.moveAttempt;
    const migration = Object.freeze({ attempt, reason, ...(detail && { detail }) });
    const calls = callAll(
      failed.map((hook) => () => hook(client, migration)),
      (error) => fault(failedHookFailed(connectionId), error),
    );
    this.failing = this.watch(
      endsWithin(clock, limits.migrationHookMs, calls).then((inTime) => {
        if (!inTime) fault(failedHooksTooLong(connectionId, limits.migrationHookMs));
        this.failing = undefined;
        this.goOn();
      }),
    );
  }

  /** Whether messages wait for something other than the application's `pause()`. */
  protected get waits(): boolean {
    return (this.link.leaving && !this.isHeld) || this.failing !== undefined;
  }

  /** Whether the connection was closed here, or has left. */
  protected abstract get isOver(): boolean;

  /** Hands over what was received and waits. */
  protected abstract handOver(): void;

  /** A message was handed to the handlers. */
  protected handedOver(number: number): void {
    const { arrived } = this;
    if (!arrived) return;
    const batches = arrived.batches.filter((it) => it.number > number);
    const isLeft = batches.length + arrived.cancelled.length > 0;
    this.arrived = isLeft ? { ...arrived, batches } : undefined;
  }

  /** @param moved whether the connection lives on at another server */
  protected left(moved: boolean): void {
    this.lastWord?.end();
    this.holds?.clear();
    this.keeper?.end(moved);
  }

  private get isHeld(): boolean {
    return this.holds?.reason !== undefined;
  }

  /** A fault of one connection must not end the process. */
  private watch(step: Promise<void>): Promise<void> {
    return step.catch((error: unknown) =>
      this.moves.fault(moveStepFailed(this.connectionId), error),
    );
  }

  private goOn() {
    if (!this.link.settling) this.work?.stays();
    process.nextTick(() => this.handOver());
  }

  private departure(to: ServerSelector | undefined): Departure {
    if (this.isOver) return { refusal: 'closing' };
    try {
      const isAtWork = this.pending.length + this.cancelled.length > 0;
      const context = isAtWork ? this.keep().take() : this.keeper?.take();
      return { ...(context && { context }), ...(to && { to }) };
    } catch {
      // The keeper has said why.
      return { refusal: 'notMigratable' };
    }
  }

  private keep(): StateKeeper {
    if (this.keeper) return this.keeper;
    this.keeper = new StateKeeper(this, this.link, this.moves);
    if (this.entered) this.keeper.enter();
    return this.keeper;
  }
}
