import type { ContextBudget } from './context-budget.js';
import type { Checkpoint } from './messages.js';

/**
 * What the relay keeps of a connection for the server that goes on with it: the last checkpoint, and
 * while the connection moves what its origin gave with READY.
 */
export class RelayContext {
  /** Whether the connection may move to another hub server. */
  migratable = true;
  /** Whether there was no room for the last checkpoint. */
  private forgotten = false;
  private checkpoint: Uint8Array | undefined;
  private departure: { readonly context: Uint8Array | undefined } | undefined;

  constructor(private readonly budget: ContextBudget) {}

  /** What the next server needs. */
  get bytes(): Uint8Array | undefined {
    return this.departure ? this.departure.context : this.checkpoint;
  }

  /** Why no other server can go on with the connection when the present one is lost. */
  get obstacle(): 'notMigratable' | 'contextLost' | undefined {
    if (!this.migratable) return 'notMigratable';
    return this.forgotten ? 'contextLost' : undefined;
  }

  /** Whether there is anything that another server would have to know. */
  get needed(): boolean {
    return this.checkpoint !== undefined || this.forgotten;
  }

  /**
   * A checkpoint is there: it replaces the one before as a whole.
   * @returns whether the connection may move from now on, and did not before
   */
  save({ context, migratable = true }: Pick<Checkpoint, 'context' | 'migratable'>): boolean {
    const mayMoveAgain = migratable && !this.migratable;
    this.migratable = migratable;
    this.keep(context && detached(context));
    return mayMoveAgain;
  }

  /** The origin is ready to let the connection go, and the next server needs this. */
  depart(context: Uint8Array | undefined): void {
    this.departure = { context: context && detached(context) };
    this.budget.used += context?.length ?? 0;
  }

  /** The connection stays where it is, and the last checkpoint counts again. */
  stay(): void {
    this.budget.used -= this.departure?.context?.length ?? 0;
    this.departure = undefined;
  }

  /** Another server has the connection: what it was opened with is its first checkpoint. */
  moved(): void {
    const { departure } = this;
    this.stay();
    this.migratable = true;
    if (departure) this.keep(departure.context);
  }

  dispose(): void {
    this.stay();
    this.keep(undefined);
  }

  private keep(context: Uint8Array | undefined) {
    const { budget } = this;
    budget.used -= this.checkpoint?.length ?? 0;
    this.forgotten = context !== undefined && !budget.hasRoomFor(context.length);
    if (this.forgotten) budget.forgotten++;
    this.checkpoint = this.forgotten ? undefined : context;
    budget.used += this.checkpoint?.length ?? 0;
  }
}

/** A decoded context is a part of all that arrived with it, which must not be kept as well. */
function detached(context: Uint8Array): Uint8Array {
  return context.length < context.buffer.byteLength ? new Uint8Array(context) : context;
}
