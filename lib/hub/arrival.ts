import type { HubLink } from '../protocol/hub-link.js';
import type { OpenConnection } from '../protocol/messages.js';
import { readContext } from './arriving-context.js';
import type { EndpointMoves } from './endpoint-moves.js';
import { endsWithin } from './hook-calls.js';
import {
  arriveHookFailed,
  arriveHooksTooLong,
  contextRefused,
  moveStepFailed,
} from './move.messages.js';
import type { VirtualSocket } from './virtual-socket.js';

/** What OpenConnectionResponse can carry. */
const MAX_REASON = 1024;

/** A connection that comes from another hub server, where it was let in. */
export class Arrival {
  private readonly from: string;

  constructor(
    private readonly socket: VirtualSocket,
    private readonly link: HubLink,
    private readonly message: OpenConnection,
    private readonly moves: EndpointMoves,
  ) {
    const { migration, protocol } = message;
    const { server: from, reason, attempt } = migration!;
    this.from = from;
    socket.migration = Object.freeze({ from, reason, attempt });
    socket.protocol = protocol ?? '';
  }

  /**
   * Accepts or refuses the connection: at once, unless a context or hooks have to be waited for.
   * @param handleConnection hands the client to the gateways; false when one of them failed
   */
  run(handleConnection: (from: string) => boolean): void {
    const enter = () => handleConnection(this.from);
    if (this.moves.definition || this.message.context) this.watch(this.runWithContext(enter));
    else this.enter(enter);
  }

  /** A fault of one connection must not end the process. */
  private watch(step: Promise<void>) {
    step.catch((error: unknown) =>
      this.moves.fault(moveStepFailed(this.socket.connectionId), error),
    );
  }

  private async runWithContext(enter: () => boolean) {
    try {
      const { start, work } = await readContext(this.message, this.moves);
      if (this.isOver) return;
      this.socket.begin(start, work);
    } catch (error) {
      const { connectionId } = this.socket;
      if (this.isOver) return;
      this.moves.fault(contextRefused(connectionId, this.from), error);
      this.link.refuse(409, (error as Error).message.slice(0, MAX_REASON));
      return;
    }
    this.enter(enter);
  }

  private enter(handleConnection: () => boolean) {
    if (!handleConnection()) this.goBack('handleConnection failed');
    else if (this.moves.hooks.in.length === 0) this.accept();
    else this.watch(this.callHooks());
  }

  private async callHooks() {
    const { clock, limits, hooks, fault } = this.moves;
    const { connectionId, client, migration } = this.socket;
    const call = async () => {
      for (const hook of hooks.in) await hook(client, migration!);
    };
    try {
      if (!(await endsWithin(clock, limits.migrationHookMs, call()))) {
        fault(arriveHooksTooLong(connectionId, limits.migrationHookMs));
      }
    } catch (error) {
      fault(arriveHookFailed(connectionId, this.from), error);
      if (!this.isOver) this.goBack('@OnMigrateIn() failed');
      return;
    }
    if (!this.isOver) this.accept();
  }

  private accept() {
    this.link.accept(this.socket.protocol);
    this.socket.enter();
  }

  /** The gateways have had the client: they hear that it left. */
  private goBack(why: string) {
    const { attempt } = this.message.migration!;
    this.link.refuse(500, why);
    this.socket.closed(1012, why, { server: this.from, reason: 'rolledBack', attempt });
  }

  /** Whether the relay has taken it back meanwhile. */
  private get isOver(): boolean {
    return this.socket.hasEnded;
  }
}
