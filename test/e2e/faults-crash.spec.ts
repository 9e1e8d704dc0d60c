import { describe, expect, it } from 'vitest';
import { connect, eventually } from '../conformance/support/client.js';
import { Deployment } from './support/deployment.js';
import { FleetUnderFaults, sizeOf, unharmed } from './support/fleet-under-faults.js';

const clients = sizeOf('E2E_FAULTS_CLIENTS', 60);
const kills = sizeOf('E2E_FAULTS_KILLS', 4);
const SOON = {
  MIGRATION_HUB_KEEP_ALIVE_MS: '100',
  MIGRATION_HUB_DEAD_AFTER_MS: '500',
  MIGRATION_HUB_RECONNECT_MAX_MS: '200',
  MIGRATION_RELAY_HUB_RECONNECT_GRACE_MS: '300',
};

describe('a hub server that is killed', () => {
  /**
   * From outside a message counts as handled when its client has the answer: the relay got the
   * answer together with the acknowledgement. What the killed server wrote to its ledger but did
   * not answer any more may be handled again, and nothing else.
   */
  it(`under load, ${kills} times: no client is closed, only unanswered messages come again`, async () => {
    const graceMs = 1000;
    const fleet = await FleetUnderFaults.start({
      clients,
      servers: 3,
      variables: { MIGRATION_RELAY_HUB_RECONNECT_GRACE_MS: String(graceMs) },
    });
    for (let times = 0; times < kills; times++) {
      const killed = fleet.servers[times % 3]!;
      await fleet.deployment.kill(killed);
      await fleet.settle();
      const { name, version } = killed;
      fleet.servers[times % 3] = await fleet.deployment.startServer(name, version + 1);
    }
    const { verdict, stats, pauses, failedConnects } = await fleet.end();
    expect(verdict).toMatchObject(unharmed);
    // Only what a killed server had written to its ledger and not sent any more.
    expect(verdict.lost).toBe(verdict.lostAllowed);
    expect(verdict.moves).toBeGreaterThan(0);
    expect([stats.migrations, failedConnects]).toEqual([verdict.moves, 0]);
    if (process.env.E2E_FAULTS_KILLS) {
      const { sent, repeated, lost, moves } = verdict;
      console.log(JSON.stringify({ clients, kills, sent, repeated, lost, moves, graceMs, pauses }));
    }
  });

  it.each(['off', 'shutdownOnly'])('with level %s: its clients are closed', async (level) => {
    const deployment = await Deployment.start({ ...SOON, MIGRATION_HUB_LEVEL: level });
    const [a] = await deployment.hubs('a');
    const lost = await connect(deployment.url('/chat'));
    await deployment.hubs('b');
    const kept = await connect(deployment.url('/chat'));
    expect(await kept.ask('echo', 1)).toEqual({ event: 'echo', data: { server: 'b', n: 1 } });
    a!.kill('SIGKILL');
    expect(await lost.closed).toEqual({ code: 1012, reason: 'serverLost' });
    expect(await kept.ask('echo', 2)).toEqual({ event: 'echo', data: { server: 'b', n: 2 } });
    expect(await deployment.stats()).toMatchObject({
      clients: 1,
      migrations: 0,
      lostWithServer: 1,
    });
  });
});

describe('a hub server that is frozen until its clients were taken over', () => {
  it('writes to nobody when it returns, and its gateways learn where the clients are', async () => {
    const deployment = await Deployment.start(SOON);
    const [a] = await deployment.hubs('a');
    const client = await connect(deployment.url('/chat'));
    client.emit('slow', 1);
    await a!.seen('waiting', { gate: 'slow' });
    const [b] = await deployment.hubs('b');
    const [{ connectionId }] = a!.eventsOf('connect') as [{ event: string; connectionId: string }];

    a!.kill('SIGSTOP');
    // Both wait in the frozen process, before it can learn of anything.
    const written = a!.ask('broadcast', 'from a frozen server');
    const opened = a!.open('slow');
    await b!.seen('waiting', { gate: 'slow' });
    expect(b!.eventsOf('connect')).toMatchObject([
      { connectionId, migration: { from: a!.serverId, reason: 'crash' } },
    ]);
    await b!.open('slow');
    expect(await client.json()).toEqual({ event: 'slow', data: { server: 'b', n: 1 } });

    a!.kill('SIGCONT');
    await Promise.all([written, opened]);
    expect(await a!.seen('disconnect')).toMatchObject([
      { connectionId, migration: { to: b!.serverId, reason: 'crash' } },
    ]);
    await deployment.joined(a!);
    expect(await a!.ask('broadcast', 'to nobody')).toBe(0);
    expect(await client.ask('echo', 2)).toEqual({ event: 'echo', data: { server: 'b', n: 2 } });
    expect(client.inbox).toEqual([]);
    expect(await deployment.stats()).toMatchObject({ clients: 1, migrations: 1 });
  });

  it('takes clients again, also one that it had before', async () => {
    const deployment = await Deployment.start(SOON);
    const [a] = await deployment.hubs('a');
    const client = await connect(deployment.url('/chat'));
    expect(await client.ask('echo', 1)).toMatchObject({ data: { server: 'a' } });
    const [b] = await deployment.hubs('b');
    a!.kill('SIGSTOP');
    await b!.seen('connect');
    a!.kill('SIGCONT');
    await a!.seen('disconnect');
    await deployment.joined(a!);
    await b!.drain();
    expect(await client.ask('echo', 2)).toMatchObject({ data: { server: 'a' } });
    expect(a!.eventsOf('connect')).toMatchObject([
      { migration: null },
      { migration: { from: b!.serverId, reason: 'shutdown' } },
    ]);
    await eventually(() => expect(a!.eventsOf('disconnect').length).toBe(1));
  });
});
