import { describe, expect, it } from 'vitest';
import {
  attach,
  connect,
  finished,
  newHub,
  newRelay,
  onTestClock,
} from '../../test/support/shutdown-fixture.js';

onTestClock();

describe('the clients', () => {
  it('move to another hub server', async () => {
    const [relay, old, next] = [newRelay(), newHub('old'), newHub('next')];
    await attach(relay, old);
    const clients = await connect(relay, '/chat', { count: 20 });
    await attach(relay, next);
    const { result, ms } = await finished(old.stages.drain());
    expect(result).toMatchObject({ migrated: 20, closed: {}, failedHooks: 0 });
    expect(result.durationMs).toBeLessThanOrEqual(ms);
    expect(ms).toBeLessThan(1000);
    expect(old.moved).toEqual(Array(20).fill('next'));
    expect(clients.every(({ closed }) => closed === undefined)).toBe(true);
    expect(next.core.connections.size).toBe(20);
    expect(old.core.sessions.size).toBe(0);
    expect(old.log).toEqual([]);
  });

  it('are closed at the deadline when there is no other server, and counted by reason', async () => {
    const [relay, hub] = [newRelay(), newHub('only')];
    await attach(relay, hub);
    const clients = await connect(relay, '/chat', { count: 3 });
    const { result, ms } = await finished(hub.stages.drain());
    expect(result).toMatchObject({ migrated: 0, closed: { noTarget: 3 } });
    expect(clients.map(({ closed }) => closed)).toEqual(Array(3).fill('1012 noTarget'));
    expect(ms).toBeGreaterThan(8500);
    expect(ms).toBeLessThan(10_000);
    expect(hub.log).toEqual([]);
  });

  it('are closed at once in mode off, in batches', async () => {
    const [relay, hub] = [newRelay(), newHub('only', { closeBatch: 10 })];
    await attach(relay, hub);
    const turns: number[] = [];
    let turn = 0;
    const clients = await connect(relay, '/off', { count: 25, onClose: () => turns.push(turn) });
    const count = () => void (turn++, setImmediate(count));
    count();
    const { result, ms } = await finished(hub.stages.drain());
    expect(result).toMatchObject({ migrated: 0, closed: { shutdown: 25 } });
    expect(clients.every(({ closed }) => closed === '1012 shutdown')).toBe(true);
    expect(new Set(turns).size).toBe(3);
    expect(ms).toBeLessThan(1000);
  });

  it('are waited for in mode waitForClientsClose', async () => {
    const [relay, hub] = [newRelay(), newHub('only')];
    await attach(relay, hub);
    const [client] = await connect(relay, '/wait');
    setTimeout(() => client!.connection.closed(1000, ''), 3000);
    const { result, ms } = await finished(hub.stages.drain());
    expect(result).toMatchObject({ migrated: 0, closed: { 1000: 1 } });
    expect(ms).toBeGreaterThanOrEqual(3000);
    expect(ms).toBeLessThan(3100);
    expect(client!.closed).toBeUndefined();
  });

  it('are waited for no longer than the budget', async () => {
    const [relay, hub] = [newRelay(), newHub('only')];
    await attach(relay, hub);
    const [client] = await connect(relay, '/wait');
    const { result, ms } = await finished(hub.stages.drain());
    expect(result.closed).toEqual({ deadline: 1 });
    expect(client!.closed).toBe('1012 deadline');
    expect(Math.round(ms / 100)).toBe(100);
    expect(hub.log).toEqual([expect.stringContaining('1 connections did not leave')]);
  });

  it('fare each by the mode of their gateway', async () => {
    const [relay, old, next] = [newRelay(), newHub('old'), newHub('next')];
    await attach(relay, old);
    const [wait] = await connect(relay, '/wait');
    await connect(relay, '/off', { count: 2 });
    await connect(relay, '/chat', { count: 3 });
    await attach(relay, next);
    setTimeout(() => wait!.connection.closed(4000, 'by itself'), 500);
    const { result } = await finished(old.stages.drain());
    expect(result).toMatchObject({ migrated: 3, closed: { shutdown: 2, 4000: 1 } });
  });

  it('that never answer the closing handshake do not hold up the end, and are counted', async () => {
    const [relay, hub] = [newRelay(), newHub('only', { timeoutMs: 1000 })];
    await attach(relay, hub);
    await connect(relay, '/off', { count: 2, answers: false });
    const { result, ms } = await finished(hub.stages.drain());
    expect(ms).toBeLessThan(2100);
    expect(hub.core.connections.size).toBe(0);
    const total = Object.values(result.closed).reduce((sum, it) => sum + it, 0);
    expect(total).toBe(2);
  });

  it('cannot spoil the counts by the reason they close with', async () => {
    const [relay, hub] = [newRelay(), newHub('only')];
    await attach(relay, hub);
    const clients = await connect(relay, '/wait', { count: 4 });
    const reasons = ['constructor', '__proto__', '', 'x'.repeat(100)];
    setTimeout(
      () => clients.forEach(({ connection }, i) => connection.closed(1012, reasons[i]!)),
      100,
    );
    const { result } = await finished(hub.stages.drain());
    expect(Object.entries(result.closed).toSorted()).toEqual([
      ['1012', 2],
      ['__proto__', 1],
      ['constructor', 1],
    ]);
  });
});
