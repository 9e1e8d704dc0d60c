import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeTransport, newCore } from '../../test/support/hub-core-fixture.js';
import { MessageType } from '../protocol/messages.js';
import type { CommandResult, MigrationCommand } from '../protocol/messages.js';
import type { CommandAnswer, MoveCommand } from './migration-commands.js';

let t: ReturnType<typeof newCore>;
/** A relay with two service connections, and another one. */
let relays: [FakeTransport, FakeTransport, FakeTransport];
const done = vi.fn<(answer: CommandAnswer) => void>();

beforeEach(() => {
  t = newCore();
  done.mockReset();
  relays = [connect('a'), connect('a'), connect('b')];
});

function connect(relayId: string): FakeTransport {
  const transport = t.transport();
  transport.say({ type: MessageType.HandshakeResponse, version: 1, relayId });
  return transport;
}

const asked = (relay: FakeTransport): MigrationCommand[] =>
  relay.sent.flatMap((it) => (it.type === MessageType.MigrationCommand ? [it] : []));
const answer = (relay: FakeTransport, result: CommandResult, request = 1) =>
  relay.say({ type: MessageType.MigrationAnswer, request, result, state: 'requested', attempt: 3 });
const command = (connectionId: string, more: Partial<MoveCommand> = {}) =>
  t.core.command(connectionId, { action: 'request', ...more }, done);
const results = () => done.mock.calls.map(([{ result }]) => result);
const moveRequest = (relay: FakeTransport) =>
  relay.say({
    type: MessageType.MigrateConnectionRequest,
    link: 1,
    kind: 'migrate',
    attempt: 4,
    reason: 'why',
    deadlineMs: 1000,
  });

describe('a migration command', () => {
  it('goes to the relay of a connection that is here, as it was given', () => {
    relays[1].open(1);
    const to = { version: '2' };
    command('c1', { to, deadlineMs: 500, reason: 'load' });
    expect(relays.map((it) => asked(it).length)).toEqual([0, 1, 0]);
    expect(asked(relays[1])).toMatchObject([
      { request: 1, action: 'request', connectionId: 'c1', to, deadlineMs: 500, reason: 'load' },
    ]);
    answer(relays[1], 'ok');
    expect(done.mock.calls).toMatchObject([[{ result: 'ok', state: 'requested', attempt: 3 }]]);
  });

  it('goes to one service connection of each relay when the connection is elsewhere', () => {
    command('other', { action: 'state' });
    expect(asked(relays[0]).length + asked(relays[1]).length).toBe(1);
    expect(asked(relays[2]).length).toBe(1);
    answer(relays[2], 'unknown');
    expect(results()).toEqual([]);
    answer(askedOfA(), 'tooLate');
    expect(results()).toEqual(['tooLate']);
  });

  const askedOfA = () => relays.find((it) => asked(it).length > 0)!;

  it('is answered by the first relay that knows the connection, once', () => {
    command('other');
    answer(relays[2], 'ok');
    answer(askedOfA(), 'nothingToCancel');
    answer(relays[2], 'closing');
    expect(results()).toEqual(['ok']);
  });

  it('knows no connection that no relay knows', () => {
    command('other');
    answer(relays[2], 'unknown');
    answer(relays[2], 'unknown');
    expect(results()).toEqual([]);
    answer(askedOfA(), 'unknown');
    expect(results()).toEqual(['unknown']);
  });

  it('takes no answer from one that was not asked', () => {
    relays[1].open(1);
    command('c1');
    answer(relays[0], 'ok');
    answer(relays[1], 'ok', 2);
    expect(results()).toEqual([]);
  });

  it('has no answer after 5 s, and a late one has no effect', () => {
    command('other');
    t.clock.run(4999);
    expect(results()).toEqual([]);
    t.clock.run(5000);
    answer(relays[2], 'ok');
    expect(results()).toEqual(['noAnswer']);
  });

  it('is asked on another service connection when the one is lost', () => {
    relays[1].open(1);
    command('c1');
    relays[1].lose();
    expect(asked(relays[0])).toEqual(asked(relays[1]));
    expect(results()).toEqual([]);
    answer(relays[0], 'ok');
    expect(results()).toEqual(['ok']);
  });

  it('has no relay when the one that may know is lost', () => {
    command('other');
    answer(askedOfA(), 'unknown');
    relays[2].lose();
    expect(results()).toEqual(['noRelay']);
  });

  it('goes on with the others when one is lost', () => {
    command('other');
    relays[2].lose();
    expect(results()).toEqual([]);
    answer(askedOfA(), 'ok');
    expect(results()).toEqual(['ok']);
  });

  it('has no relay when the one that was lost may have known', () => {
    command('other');
    relays[2].lose();
    answer(askedOfA(), 'unknown');
    expect(results()).toEqual(['noRelay']);
  });

  it('has no relay when there is none, and when the server stops', () => {
    command('other');
    t.core.stop();
    for (const relay of relays) relay.lose();
    command('other');
    expect(results()).toEqual(['noRelay', 'noRelay']);
  });

  it('asks every relay for a connection whose service connection is lost', () => {
    relays[2].open(1);
    relays[2].lose();
    command('c1');
    expect(asked(askedOfA()).length).toBe(1);
  });

  it('is refused when 1000 wait', () => {
    for (let i = 0; i < 1000; i++) command('other');
    expect(results()).toEqual([]);
    command('other');
    expect(results()).toEqual(['busy']);
    answer(relays[2], 'ok', 7);
    command('other');
    expect(results()).toEqual(['busy', 'ok']);
  });

  it.each<[string, Partial<MoveCommand>, string]>([
    ['x'.repeat(129), {}, '"connectionId" must be a string of at most 128'],
    ['c1', { reason: 'x'.repeat(257) }, '"reason" must be'],
    ['c1', { deadlineMs: 0.5 }, '"deadlineMs" must be an integer'],
    ['c1', { to: { serverName: 'a\nb' } }, '"serverName" must not contain control characters'],
  ])('is refused when no relay would take it: %s %o', (connectionId, more, fault) => {
    expect(() => command(connectionId, more)).toThrow(fault);
    expect(relays.map((it) => asked(it).length)).toEqual([0, 0, 0]);
  });

  it.each(['ready', 'migrating'] as const)(
    'comes too late for a connection that is %s',
    (state) => {
      if (state === 'ready') {
        t.owner.depart.mockImplementation(() => undefined);
      }
      relays[0].open(1);
      moveRequest(relays[0]);
      command('c1');
      command('c1', { action: 'cancel' });
      const tooLate = { result: 'tooLate', state, attempt: 4, server: 'hub' };
      expect(done.mock.calls).toEqual([[tooLate], [tooLate]]);
      command('c1', { action: 'state' });
      expect(asked(relays[0]).length).toBe(1);
    },
  );
});

describe('the steps of a move', () => {
  it('are told to who observes the hub server', () => {
    const changes: unknown[] = [];
    t = newCore({
      migrationChanged: (link, { state }) =>
        changes.push([link.connectionId, state, link.moveState]),
    });
    const relay = connect('a');
    relay.open(1);
    moveRequest(relay);
    expect(changes).toEqual([
      ['c1', 'requested', 'requested'],
      ['c1', 'ready', 'ready'],
      ['c1', 'migrating', 'migrating'],
    ]);
  });

  it('begin with what the relay knows of when this server started', () => {
    expect(relays[0].sent[0]).toMatchObject({ startedAt: 1_700_000_000_000 });
  });
});
