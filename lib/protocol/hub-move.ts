import type { Departure, HubLinkOwner, MoveChange, MoveRequest } from './hub-link-owner.js';
import type { MigrateConnectionProgress, MigrationState } from './messages.js';
import { checkDeparture } from './schema.js';

/** Longest text of what is waited for, in UTF-16 code units. */
const MAX_NOTE = 256;
/** Longest reason of a refusal, in UTF-16 code units. */
const MAX_REASON = 1024;

/** The reason of a move that was called off on purpose. */
const CANCELLED = 'cancelled';

/** A departure that is no refusal. */
export type Readiness = Exclude<Departure, { readonly refusal: string }>;

/** What {@link HubMove} asks of its link. */
export interface MovingLink {
  /** Whether the relay hears what is said. */
  isPresent(): boolean;
  /** Whether the application has closed the connection. */
  isClosing(): boolean;
  /** Whether nothing is at work on the connection and nobody holds it. */
  isIdle(): boolean;
  tell(progress: Omit<MigrateConnectionProgress, 'type' | 'link'>): void;
  /** Says READY; from now on nothing more is said. */
  leave(departure: Readiness): void;
  refuse(reason: string): void;
  changed(change: MoveChange): void;
}

/**
 * The moves of a connection to other hub servers, as the one that has it sees them: none → requested
 * → ready (the application has the last word) → migrating (READY was said), then it is another
 * server's, or it stays: cancelled or failed, from any of these.
 */
export class HubMove {
  state: MigrationState = 'none';
  /** Whether the relay was told to let messages flow: some can still be on their way. */
  flows = false;
  private move!: MoveRequest;
  private told: Pick<MigrateConnectionProgress, 'waitsFor' | 'flow'> | undefined;
  private departures = 0;

  constructor(
    private readonly owner: HubLinkOwner,
    private readonly link: MovingLink,
  ) {}

  get attempt(): number {
    return this.move.attempt;
  }

  /** Whether it was asked for and has not come to an end. */
  get isUnderWay(): boolean {
    return this.state === 'requested' || this.isSettling;
  }

  /** Whether nothing is at work, and nothing may begin. */
  get isSettling(): boolean {
    return this.state === 'ready' || this.state === 'migrating';
  }

  /** The relay asks, or changes what it asked for. */
  request(move: MoveRequest): void {
    const isNew = this.state !== 'requested';
    if (isNew) this.flows = false;
    if (isNew || move.attempt !== this.move.attempt) this.told = undefined;
    this.move = move;
    this.become('requested', move.reason);
    this.owner.moveRequested(move);
  }

  /** Leaves when nothing is at work any more; else says what is waited for. */
  leaveAtSafePoint(): void {
    const { link } = this;
    if (this.state !== 'requested' || !link.isPresent() || link.isClosing()) return;
    if (!link.isIdle()) {
      this.tellWaiting();
      return;
    }
    this.become('ready', this.move.reason);
    const departure = ++this.departures;
    const isCurrent = () => departure === this.departures && this.state === 'ready';
    this.owner.depart(this.move, (given) => {
      if (isCurrent()) this.departed(given);
    });
    if (isCurrent() && link.isPresent()) link.tell({ attempt: this.attempt, state: 'ready' });
  }

  /** The move does not happen. */
  stays(reason: string, detail?: string): void {
    this.become(reason === CANCELLED ? 'cancelled' : 'failed', reason, detail);
    this.owner.stays(reason, detail);
  }

  private departed(departure: Departure) {
    const { link } = this;
    // Without a service connection the attempt is over; rebinding says so.
    if (!link.isPresent()) return;
    if ('refusal' in departure) this.refuse(departure.refusal);
    else if (link.isClosing()) this.refuse('the connection is closing');
    else {
      // What the relay does not take would cost the whole service connection.
      const fault = checkDeparture(departure);
      if (fault !== undefined) {
        this.refuse(fault);
        return;
      }
      const { to } = departure;
      if (to) this.move = { ...this.move, to };
      link.leave(departure);
      this.become('migrating', this.move.reason);
    }
  }

  private refuse(reason: string) {
    const text = reason.slice(0, MAX_REASON);
    this.link.refuse(text);
    this.stays(text);
  }

  private tellWaiting() {
    const waitsFor = this.owner.waitsFor.slice(0, MAX_NOTE);
    const flow = this.owner.wantsFlow;
    if (this.told?.waitsFor === waitsFor && this.told.flow === flow) return;
    this.told = { waitsFor, flow };
    if (flow) this.flows = true;
    const { attempt } = this;
    this.link.tell({ attempt, state: 'waiting', waitsFor, ...(flow && { flow }) });
  }

  private become(state: MigrationState, reason: string, detail?: string) {
    this.state = state;
    const { attempt, to } = this.move;
    this.link.changed({ state, attempt, reason, ...(to && { to }), ...(detail && { detail }) });
  }
}
