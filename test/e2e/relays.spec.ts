import { describe, expect, it } from 'vitest';
import { connect } from '../conformance/support/client.js';
import { Deployment, drained } from './support/deployment.js';

/** A hub server serves the clients of every relay that it is connected to. */
describe('a hub server with two relays', () => {
  async function start(options: Record<string, string>) {
    const [first, second] = await Promise.all([
      Deployment.start(options),
      Deployment.start(options),
    ]);
    const both = {
      MIGRATION_HUB_RELAYS: `${first.url('/migration/service')},${second.url('/migration/service')}`,
    };
    const [a, b] = await Promise.all([first.prepare('a', both), first.prepare('b', both)]);
    await first.join(a);
    await second.joined(a);
    const clients = [
      await connect(first.url('/chat')),
      await connect(second.url('/chat')),
    ] as const;
    await a.seen('connect', {}, 2);
    await first.join(b);
    await second.joined(b);
    return { first, second, a, b, clients };
  }

  it('leaves both', async () => {
    const { first, second, a, clients } = await start({});
    expect(await a.drain()).toEqual(drained(2));
    for (const client of clients) {
      expect(await client.ask('who')).toMatchObject({ data: { server: 'b' } });
    }
    for (const relay of [first, second]) {
      expect(await relay.stats()).toMatchObject({ clients: 1, migrations: 1 });
    }
  });

  it('takes the clients of one to safety when the other one is frozen', async () => {
    const timeoutMs = 4000;
    const { second, a, clients } = await start({
      MIGRATION_SHUTDOWN_TIMEOUT_MS: String(timeoutMs),
      MIGRATION_SHUTDOWN_FIN_INTERVAL_MS: '100',
    });
    second.relay.kill('SIGSTOP');
    const result = await a.drain();
    expect(result).toEqual(drained(1, { '1006': 1 }));
    expect(result.durationMs).toBeLessThan(timeoutMs + 2000);
    expect(await clients[0].ask('who')).toMatchObject({ data: { server: 'b' } });
    expect(await a.exited).toEqual({ code: 0, signal: null });
    second.relay.kill('SIGCONT');
    expect((await clients[1].closed).code).toBe(1012);
    expect(clients[0].socket.readyState).toBe(clients[0].socket.OPEN);
  });
});
