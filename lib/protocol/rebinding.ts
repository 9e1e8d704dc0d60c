import type { Clock, Timer } from './clock.js';
import type { MigrateConnectionAck, MigrationInfo } from './messages.js';
import type { BindingTarget, RelayBinding } from './relay-binding.js';
import type { ServerStream } from './server-stream.js';

/** What rebinding asks of its link. */
export interface ReboundLink {
  readonly connectionId: string;
  readonly clock: Clock;
  /** Limit of one step in milliseconds. */
  readonly stepMs: number;
  bindAgain(target: BindingTarget, stream: ServerStream): RelayBinding;
  /** A service connection of the hub server other than this one. */
  otherRoute(serverId: string, besides: BindingTarget): BindingTarget | undefined;
}

/** Asks a hub server to go on with a connection on another service connection. */
export class Rebinding {
  /** The hub server is gone, which counts once another one has said its last word. */
  gone = false;
  private asked: RelayBinding | undefined;
  private flowing = false;
  /** Where the hub server may have the connection before it answers. */
  private superseded: RelayBinding[] = [];
  private timer: Timer;
  private patient = false;

  /**
   * @param stream what the hub server sent before
   * @param gaveUp called when the hub server does not answer
   * @param say puts the question on a service connection
   */
  constructor(
    private readonly link: ReboundLink,
    readonly stream: ServerStream,
    private readonly gaveUp: () => void,
    private readonly say = (binding: RelayBinding) => binding.rebind(link.connectionId),
  ) {}

  /** The binding whose answer is awaited. */
  get binding(): RelayBinding | undefined {
    return this.asked;
  }

  /** Whether the hub server has time left to answer. */
  get isAwaited(): boolean {
    return this.timer !== undefined;
  }

  /** Where inbound may flow before the answer: the hub server got all that was sent before. */
  get route(): RelayBinding | undefined {
    return this.flowing ? this.asked : undefined;
  }

  /** Asks on this service connection, unless an answer is awaited already. */
  tryOn(target: BindingTarget): void {
    if (this.asked) return;
    this.say(this.ask(target));
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

  /** Goes on there after a reroute for which the hub server has paused on the former binding. */
  moveTo(
    target: BindingTarget,
    result: Pick<MigrateConnectionAck, 'attempt' | 'reason'>,
    former: RelayBinding,
  ): void {
    this.superseded.push(former);
    this.ask(target).moveHere(this.link.connectionId, { ...result, server: target.serverId });
    this.flowing = true;
  }

  /** The answer is there, or will never come. */
  drop(): void {
    this.link.clock.clearTimer(this.timer);
    this.timer = undefined;
    this.asked = undefined;
    this.flowing = false;
  }

  /** Nobody waits for the hub server any more; it hears so wherever it may have gone on. */
  close(code: number, reason: string, migration?: MigrationInfo): void {
    for (const binding of this.superseded) binding.tellClosed(code, reason, migration);
    this.asked?.close(code, reason, migration);
    this.drop();
  }

  private ask(target: BindingTarget): RelayBinding {
    const { clock, stepMs } = this.link;
    this.gone = false;
    // What comes later on the same service connection supersedes it there as well.
    this.superseded = this.superseded.filter((it) => it.target !== target);
    this.asked = this.link.bindAgain(target, this.stream);
    this.timer = clock.setTimer(() => this.onSilence(), this.patient ? stepMs : stepMs / 2);
    return this.asked;
  }

  /** Perhaps the service connection is broken and nobody knows: once, another one is tried. */
  private onSilence() {
    if (this.patient) {
      this.timer = undefined;
      this.gaveUp();
      return;
    }
    this.patient = true;
    const { clock, stepMs } = this.link;
    const other = this.link.otherRoute(this.stream.serverId, this.asked!.target);
    if (other) this.insistOn(other);
    else this.timer = clock.setTimer(() => this.onSilence(), stepMs / 2);
  }
}
