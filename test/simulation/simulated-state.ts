import type { HubLink } from '../../lib/protocol/hub-link.js';
import type { ServerSide } from './ledger.js';
import type { World } from './world.js';

/** What travels with a simulated connection. */
export interface Context {
  /** The messages that were handled. */
  readonly effects: readonly number[];
  /** The requests that are at work, and how many results each has sent. */
  readonly cursors: readonly (readonly [request: number, results: number])[];
}

export const NO_CONTEXT: Context = { effects: [], cursors: [] };

export const readContext = (bytes: Uint8Array | undefined): Context =>
  bytes ? (JSON.parse(Buffer.from(bytes).toString()) as Context) : NO_CONTEXT;

/** The application's state of one connection, and its checkpoints at the relay. */
export class SimulatedState {
  readonly cursors: Map<number, number>;
  private readonly effects: number[];
  /** Messages that are handled and not acknowledged yet. */
  private readonly handled: number[] = [];
  private isMigratable = true;
  private checkpoints = 0;
  private due: number | undefined;

  constructor(
    private readonly world: World,
    private readonly side: ServerSide,
    private readonly linkOf: () => HubLink,
    context: Uint8Array | undefined,
  ) {
    const { cursors, effects } = readContext(context);
    this.effects = [...effects];
    this.cursors = new Map(cursors);
  }

  get migratable(): boolean {
    return this.isMigratable;
  }

  set migratable(value: boolean) {
    this.isMigratable = value;
    this.save();
  }

  /** What the next server needs. */
  get context(): Uint8Array | undefined {
    if (!this.world.scenario.work.hasState) return undefined;
    const { cursors, effects } = this;
    const context: Context = { effects, cursors: [...cursors] };
    return Buffer.from(JSON.stringify(context));
  }

  /** A message has been handled: that is the effect that must happen once. */
  apply(seq: number): void {
    const { client, key } = this.side;
    if (this.effects.includes(seq)) {
      this.world.ledger.violate(
        1,
        `message ${client}|${seq} has its effect twice, at last by ${key}`,
      );
    }
    this.effects.push(seq);
    this.cursors.delete(seq);
    this.changed();
  }

  /** The message is to be acknowledged once a checkpoint has its effect. */
  messageHandled(number: number): void {
    this.handled.push(number);
  }

  /** Something is different: the relay is to hear of it, a little later. */
  changed(): void {
    const { clock, random, scenario } = this.world;
    const { hasState, maxCheckpointMs } = scenario.work;
    if (!hasState || this.due !== undefined) return;
    const due = (this.due = ++this.checkpoints);
    clock.after(random.chance(0.3) ? 0 : random.int(0, maxCheckpointMs), () => {
      if (this.due === due) this.save();
    });
  }

  /** The relay gets it now. */
  save(): void {
    this.due = undefined;
    const { side, world } = this;
    const { ledger, scenario } = world;
    if (side.closed.length > 0 || side.refused || world.isDead(side.serverId)) return;
    const link = this.linkOf();
    if (link.detached) ledger.count('checkpoint while detached');
    link.checkpoint(this.context, this.isMigratable);
    for (const number of this.handled.splice(0)) {
      link.acknowledge(number);
      ledger.clients[side.client]!.completed++;
    }
    if (scenario.work.holdsAcks) ledger.count('acknowledged after a checkpoint');
  }

  /** The connection is about to leave: all that is handled is acknowledged. */
  leave(): Uint8Array | undefined {
    if (this.handled.length > 0 || this.due !== undefined) this.save();
    return this.context;
  }
}
