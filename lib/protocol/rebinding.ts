import type { Clock, Timer } from './clock.js';
import type { MigrationInfo } from './messages.js';
import type { BindingTarget, RelayBinding, ServerStream } from './relay-binding.js';

/** What rebinding asks of its link. */
export interface ReboundLink {
  readonly connectionId: string;
  readonly clock: Clock;
  /** Limit of one step in milliseconds. */
  readonly stepMs: number;
  bindAgain(target: BindingTarget, stream: ServerStream): RelayBinding;
  /** The hub server does not answer. */
  serverGone(): void;
}

/** A link that lost its service connection and asks its hub server to go on with another one. */
export class Rebinding {
  private asked: RelayBinding | undefined;
  /** Service connections on which the hub server may have gone on before another one was asked. */
  private readonly superseded: RelayBinding[] = [];
  private timer: Timer;

  /** @param stream what the hub server sent before */
  constructor(
    private readonly link: ReboundLink,
    readonly stream: ServerStream,
  ) {}

  /** The binding whose answer is awaited. */
  get binding(): RelayBinding | undefined {
    return this.asked;
  }

  /** Asks on this service connection, unless an answer is awaited already. */
  tryOn(target: BindingTarget): void {
    if (this.asked) return;
    const { clock, connectionId, stepMs } = this.link;
    this.asked = this.link.bindAgain(target, this.stream);
    this.timer = clock.setTimer(() => this.link.serverGone(), stepMs);
    this.asked.rebind(connectionId);
  }

  /** Asks on this service connection, even when the answer on another one is awaited. */
  insistOn(target: BindingTarget): void {
    if (this.asked?.target === target) return;
    if (this.asked) {
      this.superseded.push(this.asked);
      this.asked.release();
    }
    this.drop();
    this.tryOn(target);
  }

  /** The answer is there, or will never come. */
  drop(): void {
    this.link.clock.clearTimer(this.timer);
    this.asked = undefined;
  }

  /** Nobody waits for the hub server any more; it hears so wherever it may have gone on. */
  close(code: number, reason: string, migration?: MigrationInfo): void {
    for (const binding of this.superseded) binding.tellClosed(code, reason, migration);
    this.asked?.close(code, reason, migration);
    this.drop();
  }
}
