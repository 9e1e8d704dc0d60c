import type {
  MigrateConnectionRequest,
  MigrateConnectionResponse,
  MigrationAnswer,
  MigrationCommand,
  OpenConnection,
  ServerSelector,
} from '../../lib/protocol/messages.js';
import type { ClientSide } from './ledger.js';
import type { SimulatedServer } from './simulated-server.js';
import type { World } from './world.js';

/** The parts of a command and its answer that are the same whichever way they take. */
export type Asked = Pick<MigrationCommand, 'action' | 'connectionId' | 'to' | 'deadlineMs'>;
export type Answered = Pick<MigrationAnswer, 'result' | 'state' | 'attempt' | 'server'>;

/** How far a client's connection was when a command for it came to the relay. */
export interface Moment {
  readonly client: ClientSide | undefined;
  readonly phase: string;
  /** The application has the last word, or had it. */
  readonly isLate: boolean;
}

/** Judges what the relay answers to commands, and what becomes of them. */
export class RequestOracle {
  /** Attempts that were cancelled, by client. */
  private readonly cancelled = new Map<ClientSide, Set<number>>();
  /** To where each client is asked to move. */
  private readonly targets = new Map<ClientSide, ServerSelector | undefined>();
  /** Until when the attempt that was asked for last may take, by connectionId. */
  private readonly due = new Map<string, number>();

  constructor(private readonly world: World) {}

  /** A command is about to be carried out. */
  moment({ connectionId }: Asked): Moment {
    const { clientOf, ledger } = this.world;
    const client = ledger.clients[clientOf.get(connectionId) ?? -1];
    const phase = client?.phase ?? 'unknown';
    return { client, phase, isLate: LATE.has(phase) || client?.announced === true };
  }

  answered(asked: Asked, answer: Answered, moment: Moment): void {
    const { ledger } = this.world;
    const { action } = asked;
    const { result } = answer;
    ledger.count(`${action} while ${moment.isLate ? 'ready' : moment.phase}: ${result}`);
    const fault = this.faultOf(asked, answer, moment);
    if (fault) ledger.violate(4, `${action} is answered ${result}: ${fault}`);
    if (result !== 'ok' || !moment.client) return;
    if (action === 'cancel' && answer.state === 'cancelled') {
      this.remember(moment.client, answer.attempt);
    }
    if (action !== 'request') return;
    this.targets.set(moment.client, asked.to);
    this.watch(asked, answer);
  }

  /** The origin is asked, or the attempt was changed. */
  asked(client: ClientSide, { to }: MigrateConnectionRequest): void {
    this.targets.set(client, to);
  }

  /** The application may have chosen another target. */
  originReady(client: ClientSide, { to }: MigrateConnectionResponse): void {
    if (to) this.targets.set(client, to);
  }

  /** A target is asked to take a client. */
  opening(client: ClientSide, { migration }: OpenConnection, server: SimulatedServer): void {
    const to = this.targets.get(client);
    if (!to || migration!.reason === 'crash') return;
    this.world.ledger.count('moved to where it was asked to');
    const { serverId, version } = server;
    const fits = (wanted: string | undefined, is: string) => (wanted ?? is) === is;
    if (fits(to.serverId, serverId) && fits(to.serverName, serverId) && fits(to.version, version)) {
      return;
    }
    const { index } = client;
    this.world.ledger.violate(4, `client ${index} moves to ${serverId}, not ${JSON.stringify(to)}`);
  }

  /** An attempt was committed. */
  committed(client: ClientSide, attempt: number): void {
    const { ledger, scenario } = this.world;
    if (this.cancelled.get(client)?.has(attempt)) {
      ledger.violate(4, `client ${client.index} moves in attempt ${attempt}, cancelled`);
    }
    client.moves = (client.moves ?? 0) + 1;
    if (!scenario.isRollout) return;
    ledger.count('moved in a rollout');
    if (client.moves > 1) {
      ledger.violate(4, `client ${client.index} moves ${client.moves} times in one rollout`);
    }
  }

  private faultOf(
    { action }: Asked,
    { result, state }: Answered,
    { client, isLate, phase }: Moment,
  ): string | undefined {
    const isThere = client?.opened && !client.gone && !client.closedByRelay;
    if (result === 'unknown') return isThere ? `client ${client.index} is there` : undefined;
    if (!isThere) return undefined;
    // Nobody can tell yet whether another server takes over.
    if (result === 'tooLate' && !isLate && phase !== 'detached') return `it is ${phase}`;
    if (action === 'state') return result === 'ok' ? undefined : 'a state has no such answer';
    // What waits for the end of a takeover can be taken back.
    if (action === 'cancel' && WAITING.has(phase)) return undefined;
    if (result === 'ok' && isLate) return `it is ${phase}, the application has the last word`;
    if (action !== 'cancel') return undefined;
    if (result === 'ok') return state === 'cancelled' ? undefined : `the state is ${state}`;
    return phase === 'requested' && !isLate ? 'it is requested' : undefined;
  }

  private remember(client: ClientSide, attempt: number) {
    const attempts = this.cancelled.get(client) ?? new Set();
    this.cancelled.set(client, attempts.add(attempt));
  }

  /** What was asked for is over at its deadline. */
  private watch({ connectionId, deadlineMs }: Asked, { attempt }: Answered) {
    const { clock, ledger, relay, scenario } = this.world;
    const limit = (deadlineMs ?? scenario.requestMs) + scenario.stepMs + 2;
    this.due.set(connectionId, clock.now() + limit);
    clock.after(limit, () => {
      const state = relay.migrations.state(connectionId);
      if (state.attempt !== attempt || !UNDER_WAY.has(state.state)) return;
      // A takeover that came first has a deadline of its own, and so has who asked again.
      if (state.reason === 'crash' || clock.now() < this.due.get(connectionId)!) return;
      ledger.violate(5, `the request for ${connectionId} is ${state.state} after its deadline`);
    });
  }
}

const WAITING: ReadonlySet<string> = new Set(['detached', 'taken over']);
const LATE: ReadonlySet<string> = new Set(['ready', 'taken over']);
const UNDER_WAY: ReadonlySet<string> = new Set(['requested', 'ready', 'migrating']);
