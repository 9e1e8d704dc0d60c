import type {
  Checkpoint,
  MigrateConnectionResponse,
  OpenConnection,
} from '../../lib/protocol/messages.js';
import type { ClientSide } from './ledger.js';
import { readContext } from './simulated-state.js';
import type { World } from './world.js';

/** What the relay must know of one client's context. */
interface Known {
  /** As the server that has the client said last. */
  checkpoint: Uint8Array | undefined;
  isMigratable: boolean;
  /** What the origin gave with READY, and in which attempt. */
  departure: { attempt: number; context: Uint8Array | undefined } | undefined;
}

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
  a === b || (a !== undefined && b !== undefined && Buffer.from(a).equals(Buffer.from(b)));

/** Reads along which contexts come to the relay, and judges those that it gives to others. */
export class ContextOracle {
  private readonly known = new Map<ClientSide, Known>();

  constructor(private readonly world: World) {}

  /** @param isOfHome whether it comes from the server that has the client */
  checkpointArrived(client: ClientSide, message: Checkpoint, isOfHome: boolean): void {
    const { ledger } = this.world;
    ledger.count(isOfHome ? 'checkpoint' : 'checkpoint of a server that was left');
    if (!isOfHome) return;
    const { context: checkpoint, migratable: isMigratable = true } = message;
    Object.assign(this.of(client), { checkpoint, isMigratable });
  }

  originReady(client: ClientSide, { attempt, context }: MigrateConnectionResponse): void {
    this.of(client).departure = { attempt, context };
  }

  /** The connection is opened on another server. */
  opening(client: ClientSide, { context, migration }: OpenConnection): void {
    const { ledger, scenario } = this.world;
    const { checkpoint, departure, isMigratable } = this.of(client);
    if (!isMigratable) ledger.violate(4, `client ${client.index} moves and is not migratable`);
    const crashed = migration!.reason === 'crash';
    const planned = departure?.attempt === migration!.attempt ? departure : undefined;
    if (!crashed && !planned) {
      ledger.violate(1, `client ${client.index} moves without READY`);
      return;
    }
    const isKnown = same(context, (planned ?? { context: checkpoint }).context);
    if (!isKnown && !(crashed && same(context, departure?.context))) {
      ledger.violate(1, `client ${client.index} moves with a stale context`);
    }
    const { hasState, holdsAcks } = scenario.work;
    if (!hasState) return;
    ledger.count(crashed ? 'takeover with a context' : 'move with a context');
    const isUnhurt = ledger.connections.every((it) => it.client !== client.index || !it.crashed);
    if (holdsAcks || (!crashed && isUnhurt)) this.checkEffects(client, context);
  }

  /** Another server has the connection. */
  moved(client: ClientSide, context: Uint8Array | undefined): void {
    this.known.set(client, { checkpoint: context, isMigratable: true, departure: undefined });
  }

  /** What is not acknowledged will be handled again, and nothing else. */
  private checkEffects({ index }: ClientSide, context: Uint8Array | undefined) {
    const { clients, ledger } = this.world;
    const effects = new Set(readContext(context).effects);
    const done = new Set(clients[index]!.done);
    const lost = [...done].filter((seq) => !effects.has(seq));
    const doubled = [...effects].filter((seq) => !done.has(seq));
    if (lost.length > 0) {
      ledger.violate(1, `client ${index} moves without what was acknowledged: ${lost.join()}`);
    }
    if (doubled.length > 0) {
      ledger.violate(1, `client ${index} moves with what will be handled again: ${doubled.join()}`);
    }
  }

  private of(client: ClientSide): Known {
    const known = this.known.get(client);
    if (known) return known;
    this.moved(client, undefined);
    return this.known.get(client)!;
  }
}

/** The state of a client who is still there: each message has had its effect, once. */
export function checkState(world: World, client: ClientSide): void {
  const { hasState, holdsAcks } = world.scenario.work;
  const own = world.ledger.connections.filter((it) => it.client === client.index);
  if (!hasState || (!holdsAcks && own.some(({ lost }) => lost))) return;
  const [serving] = world.servers
    .flatMap(({ connections }) => connections)
    .filter(({ over, side }) => side.client === client.index && side.accepted && !over)
    .toSorted((a, b) => b.side.epoch - a.side.epoch);
  const effects = readContext(serving?.state.context).effects.toSorted((a, b) => a - b);
  world.ledger.count('state judged');
  if (effects.length !== client.sent || effects.some((seq, i) => seq !== i + 1)) {
    const { index, sent } = client;
    world.ledger.violate(1, `client ${index}: ${sent} messages, effects of ${effects.join()}`);
  }
}
