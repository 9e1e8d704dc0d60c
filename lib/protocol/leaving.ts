import type { Clock, Timer } from './clock.js';
import type { MigrateConnectionAck } from './messages.js';
import type { BindingTarget, RelayBinding, ServerStream } from './relay-binding.js';

/** What {@link Leaving} asks of its link. */
export interface LeftLink {
  readonly connectionId: string;
  readonly clock: Clock;
  /** Limit of one step in milliseconds. */
  readonly stepMs: number;
  bindAgain(target: BindingTarget, stream: ServerStream): RelayBinding;
  otherRoute(serverId: string, besides: BindingTarget): BindingTarget | undefined;
  /** Nothing more comes from the server that was left. */
  left(): void;
}

/**
 * The hub server that a connection has left: what it sent until its last word goes to the client
 * before anything of the next server, also when its service connection is lost meanwhile.
 */
export class Leaving {
  private bound = true;
  private over = false;
  private readonly stream: ServerStream;
  private timer: Timer;

  constructor(
    private readonly link: LeftLink,
    private binding: RelayBinding,
    private readonly result: Pick<MigrateConnectionAck, 'attempt' | 'server' | 'reason'>,
  ) {
    this.stream = binding.stream;
    this.waitForLastWord();
  }

  get serverId(): string {
    return this.stream.serverId;
  }

  /** Whether this is the server's present binding. */
  has(binding: RelayBinding): boolean {
    return this.bound && binding === this.binding;
  }

  /** The service connection is lost; the server may say its last word on another one. */
  lost(): void {
    this.bound = false;
    const other = this.link.otherRoute(this.serverId, this.binding.target);
    if (other) this.goOn(other);
  }

  /**
   * The server lost the service connection, which this side may not know yet.
   * @param epoch the last one that the server knows
   */
  reclaim(target: BindingTarget, epoch: number): void {
    if (this.bound && this.binding.epoch > epoch) return;
    const { target: former } = this.binding;
    const unaware = this.bound;
    if (unaware) this.binding.release();
    this.goOn(target);
    if (unaware) former.lostByPeer();
  }

  /** The last word is there, or will never come. */
  finish(): void {
    if (this.over) return;
    this.over = true;
    this.link.clock.clearTimer(this.timer);
    const { attempt, reason, server } = this.result;
    if (this.bound) this.binding.close(1012, reason, { server, reason, attempt });
    this.link.left();
  }

  private goOn(target: BindingTarget) {
    this.binding = this.link.bindAgain(target, this.stream);
    this.bound = true;
    this.waitForLastWord();
    this.binding.moveHere(this.link.connectionId, this.result);
  }

  private waitForLastWord() {
    const { clock, stepMs } = this.link;
    clock.clearTimer(this.timer);
    this.timer = clock.setTimer(() => this.finish(), stepMs);
  }
}
