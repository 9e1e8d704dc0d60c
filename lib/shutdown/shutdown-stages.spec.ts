import { describe, expect, it, vi } from 'vitest';
import {
  attach,
  ChatGateway,
  connect,
  finished,
  newHub,
  newRelay,
  onTestClock,
  unhandled,
} from '../../test/support/shutdown-fixture.js';
import type { InProcessTransport } from '../protocol/in-process-transport.js';
import { MessageType } from '../protocol/messages.js';

onTestClock();

describe('the stages', () => {
  it('run in order: out of routing, hooks, clients, end', async () => {
    const [relay, old, next] = [newRelay(), newHub('old'), newHub('next')];
    await attach(relay, old);
    await connect(relay, '/chat');
    await attach(relay, next);
    const seen: unknown[] = [];
    old.hooks.add(ChatGateway, async () => {
      const server = relay.stats().servers.find(({ serverId }) => serverId === 'old');
      seen.push(server?.draining, old.core.connections.size, old.stop.mock.calls.length);
      await connect(relay, '/chat');
      seen.push(next.core.connections.size);
    });
    const { result } = await finished(old.stages.drain());
    expect(seen).toEqual([true, 1, 0, 1]);
    expect(result.migrated).toBe(1);
    expect(old.stopDialing).toHaveBeenCalledTimes(1);
    expect(old.stop).toHaveBeenCalledTimes(1);
  });

  it('run once, whoever asks however often', async () => {
    const [relay, hub] = [newRelay(), newHub('only')];
    await attach(relay, hub);
    const hook = vi.fn<() => void>();
    hub.hooks.add(ChatGateway, hook);
    expect(hub.stages.begun).toBe(false);
    const offline = hub.stages.offline();
    expect(hub.stages.begun).toBe(true);
    expect(hub.stages.offline()).toBe(offline);
    const first = hub.stages.drain();
    expect(hub.stages.drain()).toBe(first);
    const { result } = await finished(first);
    expect(await hub.stages.drain()).toBe(result);
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('end at once without relays and clients', async () => {
    const hub = newHub('only');
    const { result, ms } = await finished(hub.stages.drain());
    expect(result).toMatchObject({ migrated: 0, closed: {}, failedHooks: 0 });
    expect(ms).toBeLessThan(10);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('share one budget that begins with the first of them', async () => {
    const [relay, hub] = [newRelay(), newHub('only')];
    await attach(relay, hub);
    await connect(relay, '/chat');
    void hub.stages.offline();
    await vi.advanceTimersByTimeAsync(8000);
    const { result, ms } = await finished(hub.stages.drain());
    expect(result.closed).toEqual({ noTarget: 1 });
    expect(ms).toBeLessThanOrEqual(2000);
    expect(result.durationMs).toBeGreaterThanOrEqual(9500);
  });

  it('end with a budget of nothing', async () => {
    const [relay, hub] = [newRelay(), newHub('only', { timeoutMs: 0 })];
    await attach(relay, hub);
    const clients = await connect(relay, '/chat', { count: 2 });
    const { result, ms } = await finished(hub.stages.drain());
    expect(ms).toBeLessThan(1100);
    expect(clients.every(({ closed }) => closed?.startsWith('1012'))).toBe(true);
    expect(Object.values(result.closed)).toEqual([2]);
  });

  it('end when the relay is lost on the way', async () => {
    const [relay, hub] = [newRelay(), newHub('only')];
    const [relayEnd] = await attach(relay, hub);
    await connect(relay, '/chat', { count: 2 });
    setTimeout(() => relayEnd.close(1001, 'gone'), 500);
    const { result, ms } = await finished(hub.stages.drain());
    expect(result.closed).toEqual({ 1006: 2 });
    expect(ms).toBeLessThan(600);
  });
});

describe('FIN', () => {
  /** A relay which does not answer FIN any more. @returns how often it heard it */
  function deafen(relayEnd: InProcessTransport, answerAfter = Infinity) {
    const { receiver } = relayEnd;
    const heard = vi.fn<() => void>();
    const deaf = Object.create(receiver!) as typeof receiver & object;
    deaf.onControl = (message) => {
      if (message.type !== MessageType.Fin) receiver!.onControl(message);
      else {
        heard();
        if (heard.mock.calls.length > answerAfter) receiver!.onControl(message);
      }
    };
    relayEnd.receiver = deaf;
    return heard;
  }

  it('is sent again until it is answered', async () => {
    const [relay, hub] = [newRelay(), newHub('only')];
    const [relayEnd] = await attach(relay, hub);
    const heard = deafen(relayEnd, 3);
    const { ms } = await finished(hub.stages.offline());
    expect(heard).toHaveBeenCalledTimes(4);
    expect(ms).toBeGreaterThanOrEqual(900);
    expect(ms).toBeLessThan(1000);
    await vi.advanceTimersByTimeAsync(2000);
    expect(heard).toHaveBeenCalledTimes(4);
    expect(hub.log).toEqual([]);
  });

  it('that is never answered by one relay leaves time for the clients of the others', async () => {
    const [relay, deaf, old, next] = [newRelay(), newRelay(), newHub('old'), newHub('next')];
    await attach(relay, old);
    const [deafEnd] = await attach(deaf, old);
    const heard = deafen(deafEnd);
    await connect(relay, '/chat', { count: 3 });
    await attach(relay, next);
    const { result, ms } = await finished(old.stages.drain());
    expect(result).toMatchObject({ migrated: 3, closed: {} });
    expect(ms).toBeLessThan(6000);
    const calls = heard.mock.calls.length;
    expect(calls).toBeGreaterThan(10);
    expect(old.log).toEqual([expect.stringContaining('did not acknowledge')]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(heard).toHaveBeenCalledTimes(calls);
  });
});

describe('the hooks', () => {
  it('run one after another, methods first', async () => {
    const hub = newHub('only');
    const order: string[] = [];
    const hook = (name: string) => async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 10));
      order.push(`${name} ends`);
    };
    hub.hooks.add(ChatGateway, hook('added'));
    hub.hooks.addMethod(ChatGateway, hook('method 1'));
    hub.hooks.addMethod(ChatGateway, hook('method 2'));
    await finished(hub.stages.drain());
    const expected = ['method 1', 'method 2', 'added'];
    expect(order).toEqual(expected.flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  it('that throw or reject are logged and counted; the others run', async () => {
    const hub = newHub('only');
    const last = vi.fn<() => void>();
    hub.hooks.add(ChatGateway, () => {
      throw new Error('thrown');
    });
    hub.hooks.add(ChatGateway, () => Promise.reject(new Error('rejected')));
    hub.hooks.add(ChatGateway, last);
    const { result } = await finished(hub.stages.drain());
    expect(result.failedHooks).toBe(2);
    expect(last).toHaveBeenCalledTimes(1);
    expect(hub.log).toEqual([
      'A shutdown hook of ChatGateway failed; the shutdown goes on: Error: thrown',
      'A shutdown hook of ChatGateway failed; the shutdown goes on: Error: rejected',
    ]);
  });

  it('that hang, or reject too late, have half of the budget; the clients still move', async () => {
    const [relay, old, next] = [newRelay(), newHub('old'), newHub('next')];
    await attach(relay, old);
    await connect(relay, '/chat', { count: 2 });
    await attach(relay, next);
    const last = vi.fn<() => void>();
    old.hooks.add(
      ChatGateway,
      () => new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 7000)),
    );
    old.hooks.add(ChatGateway, () => new Promise(() => {}));
    old.hooks.add(ChatGateway, last);
    const { result, ms } = await finished(old.stages.drain());
    expect(result).toMatchObject({ migrated: 2, closed: {}, failedHooks: 2 });
    expect(last).toHaveBeenCalledTimes(1);
    expect(ms).toBeGreaterThanOrEqual(5000);
    expect(ms).toBeLessThan(5500);
    expect(old.log).toEqual(Array(2).fill(expect.stringContaining('did not end in its time')));
    await vi.advanceTimersByTimeAsync(5000);
    vi.useRealTimers();
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });
});
