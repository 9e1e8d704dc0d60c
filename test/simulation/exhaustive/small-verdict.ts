import { checkDelivered, judge } from '../oracle.js';
import type { SmallWorld } from './small-world.js';

/** Faults that are no reason for a client to lose its connection. */
const HARMLESS = /^(cut|death of A|. refuses)/;

const isCalm = ({ fault, waitedBlindly }: SmallWorld) =>
  fault === undefined || (HARMLESS.test(fault) && !waitedBlindly);

/** What may be missing for a reason: because of the fault that happened. */
function excuse(world: SmallWorld, ended: boolean) {
  const { fault, ledger, servers, tap, waitedBlindly, wasFrozen } = world;
  const late = waitedBlindly || wasFrozen || fault === 'time runs away';
  for (const side of ledger.connections) {
    const dead = servers.some((it) => it.dead && it.serverId === side.serverId);
    side.diedWithMessages = late && ended;
    const left = side.closed[0]?.migration !== undefined;
    side.cutShort = (dead || (late && left)) && !tap.lastWords.get(side.serverId);
    // The relay never heard that it took the client, who is and was another server's.
    if (!side.accepted || tap.held.has(side.epoch)) continue;
    side.lost = true;
    const [end] = side.closed;
    if (end && !end.migration) ledger.violate(6, `${side.serverId} had no client and lost it`);
  }
}

/** A client that is there is served: a message each way. */
function probe(world: SmallWorld) {
  const { client, ledger } = world;
  excuse(world, !client.alive);
  if (!client.alive) return;
  // A further message could set going what stands still.
  checkDelivered(world, client.side);
  const handled = new Set(ledger.handled.map(({ seq }) => seq));
  const isAnswered = client.side.received.some(({ reply }) => reply?.what === 'done');
  if (world.what.batch > 0 && !isAnswered) ledger.violate(2, 'the batch is never answered');
  if (handled.size < client.side.sent) ledger.violate(1, `only ${handled.size} messages handled`);
  const { serverId } = client;
  const seq = client.sendMessage();
  for (const connection of world.active()) {
    if (connection.server.serverId === serverId) world.act(() => connection.send());
  }
  world.settle();
  if (!client.alive) return;
  checkDelivered(world, client.side);
  const handling = ledger.handled.find((it) => it.seq === seq);
  const answered = client.side.received.some((it) => it.connection === handling?.connection);
  if (!answered) ledger.violate(4, `the client is connected to ${serverId} and not served`);
}

/** Nothing is left that must happen: the client is served, everybody leaves, nothing remains. */
export function conclude(world: SmallWorld): void {
  const { client, clock, ledger, relay, servers } = world;
  world.settle();
  if (client.alive && isCalm(world)) world.what.judge(world);
  const ended = !client.alive;
  probe(world);
  if (client.alive) world.act(() => client.leave());
  world.settle();
  for (const server of servers) {
    if (!server.dead) world.act(() => server.core.stop());
    server.offline = true;
  }
  world.settle();
  world.act(() => relay.endSessions());
  world.settle();
  excuse(world, ended);
  judge({
    ledger,
    isCalm: isCalm(world),
    clock: { timers: { size: clock.timers.length } },
    relay,
    clients: [client],
    servers,
  });
}

/** How it ended, in a few words. */
export function outcomeOf({ client, fault = 'no fault' }: SmallWorld): string {
  const { closedByRelay, left } = client.side;
  if (closedByRelay) return `${fault}, closed with ${closedByRelay.code} ${closedByRelay.reason}`;
  return `${fault}, ${left ? 'left' : 'at its end'}`;
}
