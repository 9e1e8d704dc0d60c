import type { Timer } from './clock.js';
import type { MigrateConnectionAck } from './messages.js';
import { Rebinding } from './rebinding.js';
import type { ReboundLink } from './rebinding.js';
import type { BindingTarget, RelayBinding } from './relay-binding.js';

/**
 * The hub server that a connection has left: what it sent until its last word goes to the client
 * before anything of the next server, also when its service connection is lost meanwhile.
 */
export class Leaving {
  /** Where the server says its last word; absent while it is asked to say it elsewhere. */
  private bound: RelayBinding | undefined;
  private readonly rebinding: Rebinding;
  private over = false;
  private timer: Timer;

  /** @param left called when nothing more comes from the server */
  constructor(
    private readonly link: ReboundLink,
    binding: RelayBinding,
    private readonly result: Pick<MigrateConnectionAck, 'attempt' | 'server' | 'reason'>,
    private readonly left: () => void,
  ) {
    this.rebinding = new Rebinding(
      link,
      binding.stream,
      () => this.finish(),
      (it) => it.moveHere(link.connectionId, result),
    );
    this.bindTo(binding);
  }

  get serverId(): string {
    return this.rebinding.stream.serverId;
  }

  /** Whether this is the server's present binding. */
  has(binding: RelayBinding): boolean {
    return binding === (this.bound ?? this.rebinding.binding);
  }

  /** The server answers on the service connection on which it was asked. */
  onAnswer(binding: RelayBinding, accepted: boolean): void {
    if (!accepted) {
      this.finish();
      return;
    }
    this.rebinding.drop();
    this.bindTo(binding);
  }

  /**
   * The service connection is lost; the server may say its last word on another one. Without any,
   * the server returns or is given up.
   */
  lost({ target }: RelayBinding): void {
    this.bound = undefined;
    this.rebinding.drop();
    this.link.clock.clearTimer(this.timer);
    const other = this.link.otherRoute(this.serverId, target);
    if (other) this.rebinding.tryOn(other);
  }

  /** The server has another service connection. */
  returned(target: BindingTarget): void {
    if (!this.bound) this.rebinding.tryOn(target);
  }

  /**
   * The server lost the service connection, which this side may not know yet.
   * @param epoch the last one that the server knows
   */
  reclaim(target: BindingTarget, epoch: number): void {
    const { bound } = this;
    if (bound && bound.epoch > epoch) return;
    this.bound = undefined;
    bound?.release();
    this.link.clock.clearTimer(this.timer);
    this.rebinding.insistOn(target);
    bound?.target.lostByPeer();
  }

  /** The last word is there, or will never come. */
  finish(): void {
    if (this.over) return;
    this.over = true;
    this.link.clock.clearTimer(this.timer);
    const { attempt, reason, server } = this.result;
    const migration = { server, reason, attempt };
    this.bound?.close(1012, reason, migration);
    this.rebinding.close(1012, reason, migration);
    this.left();
  }

  private bindTo(binding: RelayBinding) {
    const { clock, stepMs } = this.link;
    this.bound = binding;
    this.timer = clock.setTimer(() => this.finish(), stepMs);
  }
}
