import { beforeEach, describe, expect, it } from 'vitest';
import { Counter, DEFINITION } from '../../test/support/keeper-fixture.js';
import { nextTurn, SocketFixture } from '../../test/support/virtual-socket-fixture.js';
import { VirtualClock } from '../../test/simulation/virtual-clock.js';
import { MigrationTooLateException } from '../gateway/exceptions/migration-too-late.exception.js';
import type { HubClient } from '../gateway/hub-client.js';
import type { PendingMigration } from '../gateway/migration.js';
import { decodeContext } from '../gateway/state/context-codec.js';
import { MessageType } from '../protocol/messages.js';
import type { Payload } from '../protocol/messages.js';
import type { ConnectionWork } from './connection-work.js';
import { NO_HOOKS, PLAIN_MOVES } from './endpoint-moves.js';
import type { EndpointMoves, MigrationHooks } from './endpoint-moves.js';

/** A virtual socket whose gateways have these hooks. */
class MovableFixture extends SocketFixture {
  readonly clock: VirtualClock;
  readonly reports: unknown[];

  constructor(hooks: Partial<MigrationHooks> = {}, others: Partial<EndpointMoves> = {}) {
    const clock = new VirtualClock();
    const reports: unknown[] = [];
    super({
      moves: {
        ...PLAIN_MOVES,
        clock,
        fault: (message, error) => void reports.push([message, error]),
        ...others,
        hooks: { ...NO_HOOKS, ...hooks },
      },
    });
    this.clock = clock;
    this.reports = reports;
  }

  get client(): HubClient {
    return this.socket.client;
  }

  /** The last answer to a request to move. */
  get answer() {
    return this.control.findLast(({ type }) => type === MessageType.MigrateConnectionResponse);
  }

  /** What the relay was told that is waited for. */
  get waiting() {
    return this.control.flatMap((it) =>
      it.type === MessageType.MigrateConnectionProgress ? [it.waitsFor] : [],
    );
  }
}

const never = () => new Promise(() => undefined);

describe('client.hold()', () => {
  let t: MovableFixture;
  beforeEach(() => void (t = new MovableFixture()));

  it('keeps the connection here until it is released, and says why', () => {
    const first = t.client.hold({ reason: 'payment' });
    const second = t.client.hold();
    t.askToMove();
    expect([t.answer, t.waiting]).toEqual([undefined, ['hold: payment']]);
    first.release();
    first.release();
    expect([t.answer, t.waiting]).toEqual([undefined, ['hold: payment', 'hold: held']]);
    second.release();
    expect(t.answer).toMatchObject({ ready: true });
    expect([first.expired, t.clock.timers.size]).toEqual([false, 0]);
  });

  it('ends at its limit, which is hub.holdMs at most, and is reported', () => {
    const hold = t.client.hold({ reason: 'payment', limitMs: 1e9 });
    t.askToMove();
    t.clock.run(PLAIN_MOVES.limits.holdMs);
    expect([hold.expired, t.answer]).toMatchObject([true, { ready: true }]);
    expect(t.reports).toEqual([
      ['Connection c1 was held for 30000 ms (payment); from now on it may move', undefined],
    ]);
    hold.release();
  });

  it('is refused when the connection is leaving, or gone', () => {
    t.askToMove();
    expect(() => t.client.hold()).toThrow(MigrationTooLateException);
    t.moves('rolledBack');
    t.client.hold();
    t.ends(1000);
    expect(() => t.client.hold()).toThrow(MigrationTooLateException);
    expect([t.clock.timers.size, t.reports]).toEqual([0, []]);
  });

  it.each([0, -1, Number.NaN])('refuses the limit %s', (limitMs) => {
    expect(() => t.client.hold({ limitMs })).toThrow('number of milliseconds above 0');
  });
});

describe('client.migratable', () => {
  it('keeps the connection here while it is false; the relay hears of it', () => {
    const t = new MovableFixture();
    t.client.migratable = false;
    t.client.migratable = false;
    t.askToMove();
    expect(t.answer).toMatchObject({ ready: false, reason: 'notMigratable' });
    t.client.migratable = true;
    t.askToMove(2);
    expect(t.answer).toMatchObject({ ready: true });
    expect(t.control.filter(({ type }) => type === MessageType.Checkpoint)).toMatchObject([
      { migratable: false },
      expect.not.objectContaining({ migratable: false }),
    ]);
  });

  it('is false while the state does not fit, and the connection stays', () => {
    const limits = { ...PLAIN_MOVES.limits, maxBytes: 100 };
    const t = new MovableFixture({}, { definition: DEFINITION, limits });
    const state = new Counter();
    t.client.state = state;
    state.text = 'x'.repeat(200);
    t.askToMove();
    expect(t.answer).toMatchObject({ ready: false, reason: 'notMigratable' });
    expect(t.client.migratable).toBe(false);
  });
});

describe('client.state', () => {
  it('leaves with the connection', () => {
    const t = new MovableFixture({}, { definition: DEFINITION });
    t.client.state = Object.assign(new Counter(), { count: 3 });
    t.askToMove();
    const { context } = t.answer as { context: Uint8Array };
    expect(decodeContext(context).version).toBe(1);
    expect(t.said.slice(-2)).toEqual(['Checkpoint', 'MigrateConnectionResponse']);
  });

  it('is a property like any other where the gateway has none', async () => {
    const t = new MovableFixture();
    expect(t.client.state).toBeUndefined();
    t.client.state = 'typing';
    expect(t.client.state).toBe('typing');
    await t.client.checkpoint();
    t.askToMove();
    expect(t.answer).not.toHaveProperty('context');
  });
});

describe('@OnMigrationReady() and @OnMigrateOut()', () => {
  const ready = (hook: (migration: PendingMigration) => unknown, out = (): unknown => undefined) =>
    new MovableFixture({ ready: [(_, migration) => hook(migration)], out: [out] });

  it('have the last word before the connection leaves, with its state as they leave it', async () => {
    const calls: unknown[] = [];
    const t = new MovableFixture(
      {
        ready: [(client) => calls.push([client.migrationState, (client.state as Counter).count])],
        out: [(client) => void ((client.state as Counter).count = 8)],
      },
      { definition: DEFINITION },
    );
    t.client.state = Object.assign(new Counter(), { count: 3 });
    t.askToMove();
    expect(t.answer).toBeUndefined();
    await nextTurn();
    const { context } = t.answer as unknown as { context: Uint8Array };
    const { state, version } = decodeContext(context);
    expect([calls, await DEFINITION.decode(state!, version!)]).toMatchObject([
      [['ready', 3]],
      { count: 8 },
    ]);
  });

  it('hold back no longer than hub.migrationHookMs', async () => {
    const t = ready(never);
    t.askToMove();
    t.clock.run(4999);
    await nextTurn();
    expect(t.answer).toBeUndefined();
    t.clock.run(1);
    await nextTurn();
    expect(t.answer).toMatchObject({ ready: true });
    expect(t.reports).toEqual([[expect.stringContaining('hub.migrationHookMs'), undefined]]);
  });

  it('that throw do not keep the others from being called', async () => {
    const calls: string[] = [];
    const t = new MovableFixture({
      ready: [
        () => {
          throw new Error('x');
        },
        () => calls.push('ready'),
      ],
      out: [() => calls.push('out')],
    });
    t.askToMove();
    await nextTurn();
    expect([calls, t.reports.length, t.answer]).toMatchObject([
      ['ready', 'out'],
      1,
      { ready: true },
    ]);
  });

  it('cancel: no hook after that is called, and the connection stays', async () => {
    const calls: string[] = [];
    const t = new MovableFixture({
      ready: [(_, it) => it.cancel(), () => calls.push('ready')],
      out: [() => calls.push('out')],
      failed: [() => calls.push('failed')],
    });
    t.askToMove();
    await nextTurn();
    expect(t.answer).toMatchObject({ ready: false, reason: 'cancelled' });
    expect([calls, t.client.migrationState]).toEqual([[], 'cancelled']);
  });

  it('are called again for another target, a limited number of times', async () => {
    const targets: unknown[] = [];
    const t = ready((migration) => {
      targets.push(migration.to);
      migration.retarget(`hub-${targets.length}`);
    });
    t.askToMove();
    await nextTurn();
    expect(targets).toHaveLength(8);
    expect(targets.slice(0, 2)).toEqual([undefined, { serverId: 'hub-1' }]);
    expect(t.answer).toMatchObject({ ready: true, to: { serverId: 'hub-8' } });
  });

  it('are too late when the migration was rolled back meanwhile', async () => {
    let migration!: PendingMigration;
    const t = ready((it) => {
      migration = it;
      return never();
    });
    t.askToMove();
    t.moves('rolledBack');
    expect(() => migration.cancel()).toThrow(MigrationTooLateException);
    expect(() => migration.retarget('hub-2')).toThrow(MigrationTooLateException);
    t.clock.run(10_000);
    await nextTurn();
    expect([t.answer, t.reports]).toEqual([undefined, []]);
  });

  it('that close the connection keep it here', async () => {
    const t: MovableFixture = ready(() => t.client.close(4000, 'bye'));
    t.askToMove();
    await nextTurn();
    expect(t.answer).toMatchObject({ ready: false });
    expect(t.said).toContain('CloseConnection');
  });
});

describe('@OnMigrationFailed()', () => {
  it('is awaited before messages and batches go on, within its limit', async () => {
    const calls: unknown[] = [];
    const t = new MovableFixture({
      failed: [
        (_, { attempt, reason }) => {
          calls.push([attempt, reason]);
          return never();
        },
      ],
    });
    t.socket.work = work({ stays: () => calls.push('batches') });
    t.socket.on('message', (data) => calls.push(String(data)));
    t.askToMove();
    t.moves('rolledBack');
    t.receive('1');
    await nextTurn();
    expect(calls).toEqual([[1, 'shutdown']]);
    t.clock.run(5000);
    await nextTurn();
    expect(calls).toEqual([[1, 'shutdown'], 'batches', '1']);
    expect(t.reports).toHaveLength(1);
  });

  it('comes before the next departure', async () => {
    const calls: string[] = [];
    const t = new MovableFixture({
      failed: [async () => void calls.push('failed', await nextTurn().then(() => 'over'))],
      ready: [() => calls.push('ready')],
    });
    t.askToMove();
    await nextTurn();
    t.moves('rolledBack');
    t.askToMove(2);
    await nextTurn();
    await nextTurn();
    expect(calls).toEqual(['ready', 'failed', 'over', 'ready']);
    expect(t.answer).toMatchObject({ attempt: 2, ready: true });
  });
});

describe('messages that arrive while the connection is asked to leave', () => {
  it('wait, and are shown to its batches, which may want them', async () => {
    const t = new MovableFixture();
    const seen: Payload[] = [];
    t.socket.work = work({
      wantsFlow: true,
      waitsFor: 'batch export',
      attention: (data) => void seen.push(data),
    });
    t.socket.on('message', (data) => {
      t.events.push([String(data)]);
      // It is at work, so that the connection cannot leave.
      t.socket.current!.begin();
    });
    t.receive('export');
    t.askToMove();
    t.receive('cancel');
    expect([seen, t.events, t.waiting]).toEqual([['cancel'], [['export']], ['batch export']]);
    t.moves('rolledBack');
    await nextTurn();
    expect(t.events).toEqual([['export'], ['cancel']]);
  });

  it('are handed over while it is held, those that waited first', async () => {
    const t = new MovableFixture();
    t.socket.work = work({ wantsFlow: true });
    t.socket.on('message', (data) => {
      t.events.push([String(data)]);
      if (String(data) === 'begin') t.socket.current!.begin();
    });
    t.receive('begin');
    t.askToMove();
    t.receive('first');
    const hold = t.client.hold();
    t.receive('second');
    await nextTurn();
    t.receive('third');
    expect(t.events).toEqual([['begin'], ['first'], ['second'], ['third']]);
    hold.release();
    t.receive('fourth');
    expect(t.events).toHaveLength(4);
  });

  it('are handled when the client leaves after them', async () => {
    const t = new MovableFixture().record('message', 'close') as MovableFixture;
    t.socket.work = work({ wantsFlow: true });
    t.socket.on('message', () => t.socket.current!.begin());
    t.receive('first');
    t.askToMove();
    t.receive('last');
    expect(t.events.map(([name]) => name)).toEqual(['message']);
    t.ends(1000);
    await nextTurn();
    expect(t.events.map(([name]) => name)).toEqual(['message', 'message', 'close']);
  });
});

function work(given: Partial<ConnectionWork>): ConnectionWork {
  return {
    pending: [],
    cancelled: [],
    waitsFor: undefined,
    wantsFlow: false,
    moveRequested() {},
    stays() {},
    attention() {},
    ...given,
  };
}
