import type { HubCore } from '../../lib/hub/hub-core.js';
import type { RelayCore } from '../../lib/relay/relay-core.js';
import type { ClientSide, Ledger, ServerSide } from './ledger.js';
import { checkReplies } from './reply-oracle.js';

/** A world that is at its end. */
export interface JudgedWorld {
  readonly ledger: Ledger;
  /** Nothing happened for which a client could lose its connection. */
  readonly isCalm: boolean;
  readonly clock: { readonly timers: { readonly size: number } };
  readonly relay: RelayCore;
  readonly clients: readonly { readonly side: ClientSide; readonly retained: number }[];
  readonly servers: readonly { readonly core: HubCore; readonly serverId: string }[];
}

/** The reason of a close callback that says: the connection lives on where it was. */
const ROLLED_BACK = 'rolledBack';

const served = (side: ServerSide) =>
  side.accepted && !side.refused && side.closed[0]?.migration !== ROLLED_BACK;

/**
 * Invariant 1: each message handled once, in order, by one server at a time. What a server that is
 * lost has handled may be handled again by the next one; {@link WireTap} sees to it that this is
 * nothing that it acknowledged.
 */
function checkInbound({ ledger }: JudgedWorld, client: ClientSide, own: ServerSide[]) {
  const name = `client ${client.index}`;
  const handled = ledger.handled.filter((it) => it.client === client.index);
  const lastOf = new Map<number, number>();
  const by = new Map<number, { side: ServerSide; suspended: boolean }>();
  let last = -1;
  let lastEpoch = 0;
  let expected = 1;
  for (const { seq, connection, runningElsewhere, suspended = false } of handled) {
    const side = ledger.connections[connection]!;
    if (seq > expected) ledger.violate(1, `${name}: ${seq} handled, expected ${expected}`);
    if (seq <= (lastOf.get(connection) ?? 0)) {
      ledger.violate(1, `${name}: ${seq} handled again by connection ${connection}`);
    }
    lastOf.set(connection, seq);
    const before = by.get(seq);
    if (before && !before.suspended) {
      const older = before.side.epoch < side.epoch ? before.side : side;
      if (!older.lost) ledger.violate(1, `${name}: ${seq} handled twice`);
      ledger.count('handled again after a loss');
    }
    by.set(seq, { side, suspended });
    expected = Math.max(expected, seq + 1);
    if (side.lost) continue;
    if (connection !== last) {
      if (side.epoch <= lastEpoch) {
        ledger.violate(3, `${name}: epoch ${side.epoch} served too late`);
      }
      lastEpoch = side.epoch;
      if (runningElsewhere > 0) ledger.violate(3, `${name}: handlers still ran at the old server`);
    }
    last = connection;
  }
  const ended = client.gone !== undefined || client.closedByRelay !== undefined;
  if (ended && own.some(({ lost, diedWithMessages }) => lost || diedWithMessages)) return;
  const due = client.takenBeforeClose ?? client.taken;
  if (expected - 1 < due) ledger.violate(1, `${name}: ${expected - 1} of ${due} messages handled`);
}

/** Invariant 2: each message reaches the client once, in order, the old server's first. */
function checkOutbound({ ledger }: JudgedWorld, client: ClientSide, own: ServerSide[]) {
  const name = `client ${client.index}`;
  const { received } = client;
  const serving = own.filter(served);
  const closers = own.filter(({ sentBeforeClose }) => sentBeforeClose !== undefined).length;
  let at = 0;
  let complete = true;
  for (const [i, { key, sent, lost, cutShort }] of serving.entries()) {
    let seq = 0;
    while (received[at]?.connection === key) {
      if (received[at]!.seq !== ++seq) {
        const got = received[at]!.seq;
        ledger.violate(2, `${name}: message ${key}|${got} received, expected ${key}|${seq}`);
        return;
      }
      at++;
    }
    if (seq > sent) ledger.violate(2, `${name}: more of ${key} received than was sent`);
    if (!complete && seq > 0) ledger.violate(2, `${name}: ${key} received after a gap`);
    if (seq < sent && !lost && !cutShort) complete = false;
    if (closers === 1) checkCloseFlushed(client, serving[i]!, seq, ledger);
  }
  if (at < received.length) {
    ledger.violate(2, `${name}: message of ${received[at]!.connection} out of place or stale`);
  }
  const ended = client.gone !== undefined || client.closedByRelay !== undefined;
  if (!complete && client.opened && !ended && !client.left)
    ledger.violate(2, `${name}: messages are missing`);
}

/** Invariant 2 for a client that is still there, once all is quiet: nothing is missing. */
export function checkDelivered(
  { ledger }: Pick<JudgedWorld, 'ledger'>,
  { index, received }: ClientSide,
): void {
  for (const side of ledger.connections) {
    if (side.client !== index || side.lost || side.cutShort || !served(side)) continue;
    const got = received.filter(({ connection }) => connection === side.key).length;
    if (got === side.sent) continue;
    ledger.violate(2, `client ${index}: ${got} of ${side.sent} received from ${side.key}`);
  }
}

/** What an application sent before it closed the connection arrives before the close. */
function checkCloseFlushed(client: ClientSide, side: ServerSide, received: number, ledger: Ledger) {
  if (side.lost || client.left || client.closedByRelay?.code !== 4001) return;
  if (client.gone?.reason === 'closed by relay') return;
  const due = side.sentBeforeClose;
  if (due !== undefined && received < due) {
    ledger.violate(2, `client ${client.index}: closed before all was received`);
  }
}

/** Invariants 3 and 6: epochs rise; callbacks pair up; one true end. */
function checkConnections({ ledger }: JudgedWorld, client: ClientSide, own: ServerSide[]) {
  let epoch = 0;
  for (const side of own) {
    if (side.epoch === epoch) ledger.violate(3, `client ${client.index}: epoch ${epoch} again`);
    epoch = side.epoch;
    const ends = side.refused ? 0 : 1;
    if (side.closed.length !== ends && !side.lost) {
      ledger.violate(6, `connection ${side.key} was closed ${side.closed.length} times`);
    }
  }
  if (!client.opened) return;
  const trueEnds = own.filter(
    ({ accepted, closed }) => accepted && closed.length > 0 && !closed[0]!.migration,
  );
  const certain = trueEnds.filter(({ lost }) => !lost).length;
  const anyLost = own.some(({ lost }) => lost);
  if (certain > 1 || (certain === 0 && !anyLost)) {
    ledger.violate(6, `client ${client.index} truly ended ${certain} times`);
  }
}

/** Everything that can only be said once all is over. */
export function judge(world: JudgedWorld): void {
  for (const { side } of world.clients) {
    const own = world.ledger.connections.filter((it) => it.client === side.index);
    // A loser of a race may be opened late: in the order of epochs, not of time.
    own.sort((a, b) => a.epoch - b.epoch);
    checkInbound(world, side, own);
    checkOutbound(world, side, own);
    checkConnections(world, side, own);
    checkReplies(world.ledger, side);
    checkReason(world, side);
  }
  checkMemory(world);
}

/** Invariant 4: nobody is left in between, and nobody is closed without a reason. */
function checkReason({ isCalm, ledger }: JudgedWorld, client: ClientSide) {
  const { index, opened, gone, closedByRelay, left } = client;
  if (opened && !gone) ledger.violate(4, `client ${index} is still there`);
  if (!closedByRelay || left) return;
  if (closedByRelay.reason === '') ledger.violate(4, `client ${index} was closed without a reason`);
  const { code, reason } = closedByRelay;
  // Closed by the application, and too slow to take what comes before that until the deadline.
  const isClosing = ledger.connections.some(
    (it) => it.client === index && it.sentBeforeClose !== undefined,
  );
  if (isClosing && reason === 'handlerRunning') return;
  if (isCalm && code !== 4001 && reason !== 'ingressReload') {
    ledger.violate(4, `client ${index} lost its connection without need: ${code} ${reason}`);
  }
}

/** Names of the maps, sets and lists of an object that are not empty. */
function notEmpty(object: object, except: readonly string[] = []): string[] {
  return Object.entries(object)
    .filter(([name]) => !except.includes(name))
    .filter(([, value]) => {
      if (value instanceof Map || value instanceof Set) return value.size > 0;
      return Array.isArray(value) && value.length > 0;
    })
    .map(([name]) => name);
}

/** Invariants 5 and 7: no timer runs, nothing is kept. */
function checkMemory({ clock, clients, ledger, relay, servers }: JudgedWorld) {
  if (clock.timers.size > 0) ledger.violate(5, `${clock.timers.size} timers still run`);
  for (const name of notEmpty(relay, ['known'])) ledger.violate(7, `relay.${name} is not empty`);
  for (const { core, serverId } of servers) {
    const { orphans } = core as unknown as { orphans: object };
    for (const name of [...notEmpty(core), ...notEmpty(orphans)])
      ledger.violate(7, `${serverId}: ${name} is not empty`);
  }
  const { contextBytes, retainedBytes } = relay.stats();
  if (contextBytes !== 0) ledger.violate(7, `${contextBytes} bytes of contexts are kept`);
  if (retainedBytes !== 0) ledger.violate(7, `${retainedBytes} bytes are retained`);
  for (const client of clients) {
    if (client.retained > 0) ledger.violate(7, `client ${client.side.index} still has messages`);
  }
}
