import { type Mock, beforeEach, describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../../test/simulation/virtual-clock.js';
import { MessageType } from './messages.js';
import type { ClientRequest, ControlMessage, LinkMessage } from './messages.js';
import type { BindingTarget } from './relay-binding.js';
import { RelayLink } from './relay-link.js';
import type { MigrationResult } from './relay-migration.js';
import { RetentionBudget } from './retention-budget.js';
import type { LinkEnd } from './session.js';

/** A hub server that does only what a test has it do. */
class FakeServer implements BindingTarget {
  sent: Record<string, unknown>[] = [];
  end: LinkEnd | undefined;
  constructor(readonly serverId: string) {}
  bind(end: LinkEnd): number {
    this.end = end;
    return 1;
  }
  sendData(_link: number, data: string | Buffer): void {
    this.sent.push({ data: data.toString() });
  }
  sendAck(): void {}
  sendControl(message: ControlMessage): void {
    this.sent.push({ ...message });
  }
  scheduleAck(): void {}
  release(): void {
    this.end = undefined;
  }
  take(): Record<string, unknown>[] {
    return this.sent.splice(0);
  }
  answer(message: object): void {
    this.end?.onMessage({ link: 1, ...message } as LinkMessage);
  }
  accept(): void {
    this.answer({ type: MessageType.OpenConnectionResponse, accepted: true });
  }
  refuse(): void {
    this.answer({ type: MessageType.OpenConnectionResponse, accepted: false, reason: 'no' });
  }
  ready(handled = 0, attempt = 1, sent = 0): void {
    this.answer({
      type: MessageType.MigrateConnectionResponse,
      attempt,
      ready: true,
      handled,
      sent,
    });
  }
  released(sent = 0, close?: object): void {
    this.answer({ type: MessageType.ConnectionReleased, attempt: 1, sent, close });
  }
  lose(): void {
    const { end } = this;
    this.end = undefined;
    end?.onLost(1006, 'cut');
  }
}

let clock: VirtualClock;
let budget: RetentionBudget;
let link: RelayLink;
let [a, b, c]: FakeServer[] = [];
let candidates: FakeServer[];
const names = [
  'accepted',
  'refused',
  'serverLost',
  'deliver',
  'pingClient',
  'pongClient',
  'closeClient',
  'pauseClient',
  'resumeClient',
  'migrationEnded',
  'settled',
  'ended',
] as const;
type Owner = ConstructorParameters<typeof RelayLink>[6];
type Spy = Mock<(...args: unknown[]) => void>;
let owner: Owner & Record<(typeof names)[number], Spy>;

beforeEach(() => {
  clock = new VirtualClock();
  budget = new RetentionBudget(1000);
  [a, b, c] = ['a', 'b', 'c'].map((name) => new FakeServer(name));
  candidates = [b!, c!];
  owner = {
    ...Object.fromEntries(names.map((name) => [name, vi.fn<(...args: unknown[]) => void>()])),
    selectTarget: (excluded: ReadonlySet<string>) =>
      candidates.find(({ serverId }) => !excluded.has(serverId)),
  } as typeof owner;
  const limits = { retainedBytes: 100, retainedMessages: 10, stepMs: 100 };
  const endpoint = { port: 0, path: '/chat' };
  link = new RelayLink('id', endpoint, {} as ClientRequest, limits, budget, clock, owner);
  link.open(a!);
  a!.accept();
  a!.take();
});

const say = (text: string) => link.clientMessage(text, false);
const heard = () => owner.deliver.mock.calls.map(([data]) => String(data));
const results = () =>
  owner.migrationEnded.mock.calls.map(([it]) => {
    const { outcome, reason, to } = it as MigrationResult;
    return [outcome, reason, to];
  });
const migrate = () => link.migrate({ reason: 'shutdown', deadline: clock.now() + 1000 });
const data = (...texts: string[]) => texts.map((text) => ({ data: text }));
const outcomes = (server: FakeServer) =>
  server
    .take()
    .filter(({ type }) => type === MessageType.MigrateConnectionAck)
    .map(({ outcome, reason }) => [outcome, reason]);

describe('a migration', () => {
  it('moves the connection: old messages first, held ones to the new server', () => {
    say('1');
    expect(migrate()).toBe(true);
    expect(migrate()).toBe(false);
    say('2');
    expect(a!.take()).toEqual([{ data: '1' }, expect.objectContaining({ attempt: 1 })]);
    a!.ready(1);
    expect(b!.take()).toEqual([expect.objectContaining({ inbound: 1, epoch: 2 })]);
    b!.accept();
    expect(b!.take()).toEqual(data('2'));
    expect(outcomes(a!)).toEqual([['committed', 'shutdown']]);
    b!.end!.onData('new', false);
    a!.end!.onData('old', false);
    expect(heard()).toEqual(['old']);
    expect([link.moving, owner.settled.mock.calls.length]).toEqual([true, 0]);
    a!.released(1);
    expect(heard()).toEqual(['old', 'new']);
    expect([link.moving, owner.settled.mock.calls.length]).toEqual([false, 1]);
    expect([link.serverId, results(), clock.timers.size]).toEqual([
      'b',
      [['moved', 'shutdown', 'b']],
      0,
    ]);
  });

  it('sends what the origin did not hand to its handlers to the target', () => {
    for (const text of ['1', '2', '3']) say(text);
    migrate();
    a!.ready(1);
    b!.accept();
    expect(b!.take().slice(1)).toEqual(data('2', '3'));
  });

  it('goes to the next server when one refuses, dies, or does not answer', () => {
    migrate();
    a!.ready();
    b!.refuse();
    expect(c!.take()).toEqual([expect.objectContaining({ epoch: 3 })]);
    c!.lose();
    expect(outcomes(a!)).toEqual([['rolledBack', 'targetLost']]);
    say('x');
    expect(a!.take()).toEqual(data('x'));
    expect(results()).toEqual([['failed', 'targetLost', undefined]]);
  });

  it('gives a silent target the limit of a step, and tells it that the connection went back', () => {
    candidates = [b!];
    migrate();
    a!.ready();
    b!.take();
    clock.run(99);
    expect(b!.take()).toEqual([]);
    clock.run(1);
    expect(b!.take()).toEqual([
      expect.objectContaining({
        type: MessageType.CloseConnection,
        migration: { server: 'a', reason: 'rolledBack', attempt: 1 },
      }),
    ]);
    expect([outcomes(a!), clock.timers.size]).toEqual([[['rolledBack', 'targetTimeout']], 0]);
  });

  it.each([
    ['handlerRunning', () => undefined],
    ['deadline', () => a!.ready()],
  ])('ends at its deadline: %s', (reason, before) => {
    link.migrate({ reason: 'shutdown', deadline: clock.now() + 50 });
    before();
    clock.run(50);
    expect(outcomes(a!)).toEqual([['rolledBack', reason]]);
    expect([link.serverId, link.moving, clock.timers.size]).toEqual(['a', false, 0]);
  });

  it('ignores late answers of an old attempt', () => {
    link.migrate({ reason: 'shutdown', deadline: clock.now() + 50 });
    clock.run(50);
    a!.ready(0, 1);
    expect(link.migrate({ reason: 'shutdown', deadline: clock.now() + 500 })).toBe(true);
    a!.ready(0, 1);
    expect(b!.take()).toEqual([]);
    a!.ready(0, 2);
    expect(b!.take()).toHaveLength(1);
    expect(() => a!.ready(0, 2)).toThrow('a second time');
  });

  it.each([
    ['open', () => undefined],
    ['requested', migrate],
    ['ready', () => [migrate(), a!.ready()]],
  ])('ends with the client while %s: a true end at the origin', (_, before) => {
    before();
    say('last');
    link.clientClosed(1001, 'gone');
    const sent = a!.take().filter(({ type }) => type !== MessageType.MigrateConnectionRequest);
    expect(sent.at(-1)).toMatchObject({ code: 1001, reason: 'gone' });
    expect(sent.at(-1)).not.toHaveProperty('migration');
    expect(sent).toContainEqual({ data: 'last' });
    expect([owner.ended.mock.calls.length, budget.used, clock.timers.size]).toEqual([1, 0, 0]);
    for (const message of b!.take().slice(1)) {
      expect(message).toMatchObject({ migration: { reason: 'rolledBack' } });
    }
  });

  it('ends with the client after the commit: a true end at the target', () => {
    migrate();
    a!.ready();
    b!.accept();
    link.clientClosed(1001, 'gone');
    expect(b!.take().at(-1)).toMatchObject({ code: 1001 });
    a!.end!.onData('late', false);
    a!.released(1);
    expect(heard()).toEqual([]);
    expect([owner.ended.mock.calls.length, clock.timers.size]).toEqual([1, 0]);
  });

  it('outlives an origin that dies once it is ready', () => {
    migrate();
    say('held');
    a!.ready();
    a!.lose();
    expect(owner.closeClient).not.toHaveBeenCalled();
    b!.accept();
    b!.end!.onData('hello', false);
    expect([b!.take().slice(1), heard()]).toEqual([data('held'), ['hello']]);
    expect([link.moving, owner.settled.mock.calls.length]).toEqual([false, 1]);
  });

  it.each([
    ['before it is ready', () => a!.lose()],
    [
      'with all targets',
      () => {
        candidates = [b!];
        a!.ready();
        a!.lose();
        b!.lose();
      },
    ],
  ])('closes the client when the origin dies %s', (_, fault) => {
    migrate();
    fault();
    expect(owner.closeClient.mock.calls).toEqual([[1012, 'serverLost']]);
    expect([owner.ended.mock.calls.length, clock.timers.size]).toEqual([1, 0]);
  });

  it('lets the new server through when the old one dies or says nothing', () => {
    migrate();
    a!.ready();
    b!.accept();
    b!.end!.onData('new', false);
    clock.run(100);
    expect([heard(), clock.timers.size]).toEqual([['new'], 0]);
  });

  it('closes the client when the application closed it at the origin meanwhile', () => {
    migrate();
    a!.ready();
    b!.accept();
    a!.released(0, { code: 4000, reason: 'bye' });
    expect(owner.closeClient.mock.calls).toEqual([[4000, 'bye']]);
  });

  it('finds what a hub server must not do', () => {
    say('1');
    migrate();
    expect(() => a!.ready(2)).toThrow('ready with 2 messages handled of 1');
    expect(() => a!.ready(0, 1, 5)).toThrow('5 messages sent, 0 received');
    a!.ready(1);
    expect(() => b!.end!.onData('x', false)).toThrow('before OpenConnectionResponse');
    expect(() => a!.end!.onAck(9, [])).toThrow('message 9 acknowledged, 1 sent');
  });
});

describe('backpressure', () => {
  it('pauses the client at the bound and resumes it at half', () => {
    for (let i = 0; i < 10; i++) say('x');
    expect(owner.pauseClient).toHaveBeenCalledTimes(1);
    a!.end!.onAck(4, []);
    expect(owner.resumeClient).not.toHaveBeenCalled();
    a!.end!.onAck(5, []);
    expect(owner.resumeClient).toHaveBeenCalledTimes(1);
    expect(budget.used).toBe(link.retainedBytes);
  });

  it('resumes a paused client at the end, so that its close is seen', () => {
    for (let i = 0; i < 10; i++) say('x');
    link.forceClose(1012, 'noTarget');
    expect(owner.resumeClient).toHaveBeenCalledTimes(1);
    expect([budget.used, owner.ended.mock.calls.length]).toEqual([0, 1]);
  });

  it('pauses while all connections together are over the bound', () => {
    budget.add(1000);
    say('x');
    expect(owner.pauseClient).toHaveBeenCalledTimes(1);
    budget.remove(500);
    expect(owner.resumeClient).toHaveBeenCalledTimes(1);
  });
});
