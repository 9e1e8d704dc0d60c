import type { ClientMessage, Reply } from './client-message.js';
import type { Handling } from './ledger.js';
import type { SimulatedConnection } from './simulated-connection.js';
import type { World } from './world.js';

/** A request that is at work. */
interface Task {
  readonly seq: number;
  readonly number: number;
  readonly results: number;
  readonly handling: Handling;
  /** Results that were sent. */
  cursor: number;
  /** What was planned in a turn before is void. */
  turn: number;
}

/** The requests of one connection: their results, their answers, and how they stop and go on. */
export class SimulatedWork {
  private readonly tasks = new Map<number, Task>();
  private readonly suspended = new Map<number, Task>();
  /** Requests that were cancelled before they were handed over. */
  private readonly cancelled = new Set<number>();

  constructor(
    private readonly world: World,
    private readonly connection: SimulatedConnection,
  ) {}

  /** Whether a request can stop and go on elsewhere. */
  isBatch({ kind, argument }: ClientMessage): boolean {
    return kind === 'request' && argument > 0 && this.world.scenario.work.suspends;
  }

  /** A message is handed to its handler. */
  begin(message: ClientMessage, number: number, handling: Handling): void {
    if (message.kind === 'request') this.beginRequest(message, number, handling);
    else if (message.kind === 'attention') this.connection.finish(message.seq, number);
    else this.handlePlain(message, number);
  }

  private handlePlain({ seq }: ClientMessage, number: number) {
    const { clock, random } = this.world;
    const duration = this.handlerMs();
    const done = () => {
      if (this.connection.server.dead) return;
      if (random.chance(0.6)) this.connection.send();
      this.connection.finish(seq, number);
    };
    if (duration === 0) done();
    else clock.after(duration, done);
  }

  private beginRequest(
    { seq, argument: results }: ClientMessage,
    number: number,
    handling: Handling,
  ) {
    const { connection, world } = this;
    const cursor = connection.state.cursors.get(seq);
    if (cursor !== undefined) {
      world.ledger.count(`batch goes on after ${connection.side.crashed ? 'a crash' : 'a move'}`);
    }
    const task = { seq, number, results, handling, cursor: cursor ?? 0, turn: 0 };
    this.tasks.set(seq, task);
    if (this.cancelled.delete(seq)) this.cancel(task, 'before it is handed over');
    else this.goOn(task);
  }

  /** The client cancels a request, which may be over or unknown. */
  attention(seq: number, isHandedOver: (seq: number) => boolean): void {
    const { ledger } = this.world;
    const task = this.tasks.get(seq);
    if (task) this.cancel(task, 'at work');
    else if (this.suspended.has(seq)) ledger.count('attention to what is suspended');
    else if (isHandedOver(seq)) ledger.count('attention to what is over or unknown');
    else this.cancelled.add(seq);
  }

  /** A move is asked for: some batches stop at once, others when they have their next result. */
  moveRequested(): void {
    const { random, scenario } = this.world;
    if (!scenario.work.suspends) return;
    for (const task of Array.from(this.tasks.values())) {
      if (task.results > 0 && random.chance(0.5)) this.suspend(task);
    }
  }

  /** The connection stays: what was suspended goes on. */
  resume(): void {
    for (const task of Array.from(this.suspended.values())) {
      this.suspended.delete(task.seq);
      this.tasks.set(task.seq, task);
      this.world.ledger.count('batch goes on where it was');
      task.handling.suspended = false;
      this.connection.side.running++;
      this.connection.link.resumed();
      this.goOn(task);
    }
  }

  /** The connection is elsewhere: what was suspended goes on there. */
  moved(): void {
    this.suspended.clear();
    this.cancelled.clear();
  }

  /** How long a handler is at work that has no results. */
  private handlerMs(): number {
    const { ledger, random, scenario } = this.world;
    if (!random.chance(scenario.overrun)) return random.int(0, scenario.maxHandlerMs);
    ledger.count('slow handler');
    return random.int(500, 6000);
  }

  private goOn(task: Task) {
    const { clock, random, scenario } = this.world;
    const turn = ++task.turn;
    const isLong = task.results > 0;
    clock.after(isLong ? random.int(0, scenario.work.maxResultMs) : this.handlerMs(), () => {
      if (task.turn === turn) this.step(task);
    });
  }

  private step(task: Task) {
    const { connection, world } = this;
    const { random, scenario } = world;
    if (connection.server.dead) return;
    if (connection.over) this.abandon(task);
    else if (this.mustStop(task)) this.suspend(task);
    else if (task.cursor === task.results) this.end(task, 'done');
    else {
      this.reply({ request: task.seq, what: ++task.cursor });
      if (random.chance(scenario.work.checkpoints)) {
        connection.state.cursors.set(task.seq, task.cursor);
        connection.state.changed();
      }
      this.goOn(task);
    }
  }

  private mustStop({ results }: Task): boolean {
    const { moveState } = this.connection.link;
    return results > 0 && this.world.scenario.work.suspends && moveState === 'requested';
  }

  private suspend(task: Task) {
    const { link, side, state } = this.connection;
    this.tasks.delete(task.seq);
    this.suspended.set(task.seq, task);
    task.turn++;
    task.handling.suspended = true;
    state.cursors.set(task.seq, task.cursor);
    this.world.ledger.count('batch suspended');
    side.running--;
    link.suspended(task.number);
  }

  private cancel(task: Task, when: string) {
    this.world.ledger.count(`request cancelled ${when}`);
    this.world.ledger.countInPhase('request cancelled', this.connection.side.client);
    this.end(task, 'cancelled');
  }

  private end(task: Task, what: 'done' | 'cancelled') {
    task.turn++;
    this.tasks.delete(task.seq);
    this.reply({ request: task.seq, what });
    this.connection.finish(task.seq, task.number, this.isBatchTask(task));
  }

  /** The client is gone while its request is at work. */
  private abandon(task: Task) {
    this.tasks.delete(task.seq);
    this.connection.abandon(task.number);
  }

  private isBatchTask({ results }: Task): boolean {
    return results > 0 && this.world.scenario.work.suspends;
  }

  private reply(reply: Reply) {
    this.connection.send(reply);
  }
}
