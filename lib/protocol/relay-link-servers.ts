import { Leaving } from './leaving.js';
import type { MigrateConnectionAck, RebindConnectionResponse } from './messages.js';
import { Rebinding } from './rebinding.js';
import type { ReboundLink } from './rebinding.js';
import type { BindingTarget, RelayBinding } from './relay-binding.js';
import type { ServerStream } from './server-stream.js';

/** What {@link RelayLinkServers} asks of its link. */
export interface ServedLink extends ReboundLink {
  /** The hub server that has the connection does not go on with it. */
  serverGone(): void;
  /** Nothing more comes from the hub server that was left. */
  left(): void;
}

/**
 * The hub servers of a connection: the one that has it, on a binding or, since that was lost with its
 * service connection, on none; and the one that it has left, whose last word is awaited.
 */
export class RelayLinkServers {
  /** The binding to the server that has the connection. */
  current: RelayBinding | undefined;
  /** Since the service connection was lost, until the server or another one has the connection. */
  private rebinding: Rebinding | undefined;
  /** The server that was left, until it said that all it sent has been sent. */
  private leaving: Leaving | undefined;

  constructor(private readonly link: ServedLink) {}

  /** What the server sends that has the connection. */
  get stream(): ServerStream | undefined {
    return (this.current ?? this.rebinding)?.stream;
  }

  /** Where inbound may flow now. */
  get route(): RelayBinding | undefined {
    return this.current ?? this.rebinding?.route;
  }

  /** Whether the connection waits for another service connection of its server. */
  get detached(): boolean {
    return this.rebinding !== undefined;
  }

  /** Whether the server was asked to go on, and has time left to answer. */
  get answerAwaited(): boolean {
    return this.rebinding?.isAwaited ?? false;
  }

  /** serverId of the server that was left. */
  get leftId(): string | undefined {
    return this.leaving?.serverId;
  }

  /** Whether this is the binding on which the server that was left says its last word. */
  isLeft(binding: RelayBinding): boolean {
    return this.leaving?.has(binding) ?? false;
  }

  /** A move is over: the target has the connection, and the origin, unless it is lost, has left it. */
  moveTo(
    target: RelayBinding,
    origin: RelayBinding | undefined,
    { attempt, reason }: Pick<MigrateConnectionAck, 'attempt' | 'reason'>,
  ): void {
    const lost = this.rebinding?.stream;
    const result = { attempt, reason, server: target.serverId };
    this.current = target;
    this.leaveLost(result);
    if (origin) {
      this.leaving = new Leaving(this.link, origin, result, () => {
        this.leaving = undefined;
        this.link.left();
      });
    } else if (lost) {
      target.stream.follow(lost);
    }
  }

  /** The server that was lost hears, when it is back, that another one has the connection. */
  leaveLost(result: Pick<MigrateConnectionAck, 'attempt' | 'server' | 'reason'>): void {
    this.rebinding?.close(1012, 'moved', result);
    this.rebinding = undefined;
  }

  /** The present binding is lost; the server may go on with another one. */
  detach(): void {
    this.rebinding = this.newRebinding();
  }

  /** Leaves the present binding for another service connection; the server has paused. */
  leaveFor(target: BindingTarget, attempt: number, reason: string): void {
    const former = this.current!;
    former.release();
    this.rebinding = this.newRebinding();
    this.rebinding.moveTo(target, { attempt, reason }, former);
  }

  /** Asks the server to go on there, unless its answer is awaited already. */
  tryOn(target: BindingTarget): void {
    this.rebinding?.tryOn(target);
  }

  /** Asks the server to go on there, even when its answer on another one is awaited. */
  insistOn(target: BindingTarget): void {
    this.rebinding?.insistOn(target);
  }

  /**
   * A server answers on which service connection it goes on.
   * @returns what that means for the server that has the connection: it goes on, with inbound to be
   * repeated or not, or does not have the connection; undefined when it is not its answer
   */
  onRebound(
    binding: RelayBinding,
    { accepted }: RebindConnectionResponse,
  ): 'repeat' | 'continue' | 'refused' | undefined {
    if (this.isLeft(binding)) this.leaving!.onAnswer(binding, accepted);
    const { rebinding } = this;
    if (binding !== rebinding?.binding) return undefined;
    const flowing = rebinding.route === binding;
    rebinding.drop();
    if (accepted) return flowing ? 'continue' : 'repeat';
    binding.release();
    return 'refused';
  }

  /** The server goes on with this binding. */
  rebound(binding: RelayBinding): void {
    this.rebinding = undefined;
    this.current = binding;
  }

  /** A binding is lost. @returns whether it is that of the server that was left */
  onLeftLost(binding: RelayBinding): boolean {
    if (!this.isLeft(binding)) return false;
    this.leaving!.lost(binding);
    return true;
  }

  /** A binding is lost. @returns whether the server was to answer there that it goes on */
  onAnswerLost(binding: RelayBinding): boolean {
    if (binding !== this.rebinding?.binding) return false;
    this.rebinding.drop();
    return true;
  }

  /**
   * The server that was left lost the service connection, which this side may not know yet.
   * @returns false when it is not that server
   */
  reclaimLeft(target: BindingTarget, epoch: number): boolean {
    if (this.leftId !== target.serverId) return false;
    this.leaving!.reclaim(target, epoch);
    return true;
  }

  /** A server that the connection may have left has another service connection. */
  leftReturned(target: BindingTarget): void {
    if (this.leftId === target.serverId) this.leaving!.returned(target);
  }

  /** The last word of the server that was left is there, or will never come. */
  finishLeft(): void {
    this.leaving?.finish();
  }

  /**
   * The server that has the connection is gone for good.
   * @returns false when that counts later: the client has yet to get what the server said before it
   * closed the connection, behind the last word of the one before
   */
  giveUp(): boolean {
    const { leaving } = this;
    const rebinding = this.rebinding!;
    rebinding.gone = rebinding.stream.closing && leaving !== undefined;
    return !rebinding.gone;
  }

  /** Whether the server is gone for good and that counts later. */
  get givenUp(): boolean {
    return this.rebinding?.gone ?? false;
  }

  /** The connection is over. The server that was left may still ask what became of it. */
  end(code: number, reason: string): void {
    this.current?.release();
    this.rebinding?.close(code, reason);
    this.rebinding = undefined;
  }

  private newRebinding() {
    const { stream } = this.current!;
    this.current = undefined;
    return new Rebinding(this.link, stream, () => this.link.serverGone());
  }
}
