import { beforeEach, describe, expect, it } from 'vitest';
import {
  HubLinkFixture,
  MIGRATION,
  decide,
  end,
  handOver,
  ready,
  request,
  waiting,
} from '../../test/support/hub-link-fixture.js';
import type { Departure } from './hub-link-owner.js';
import type { HubLink } from './hub-link.js';
import { MessageType } from './messages.js';
import type { MigrationState } from './messages.js';

let t: HubLinkFixture;
let link: HubLink;
/** The application's last word, for each time that it was asked for it. */
let words: ((departure: Departure) => void)[];

beforeEach(() => {
  t = new HubLinkFixture();
  words = [];
  t.owner.depart.mockImplementation((_, done) => void words.push(done));
  link = t.openLink();
});

const say = (departure: Departure) => words.at(-1)!(departure);
/** The relay asks, with all that it can say. */
const ask = (attempt: number, more: { reason?: string; to?: { serverId: string } } = {}) =>
  link.onMessage({
    type: MessageType.MigrateConnectionRequest,
    link: 7,
    kind: 'migrate',
    attempt,
    reason: 'shutdown',
    deadlineMs: 1000,
    ...more,
  });
const rollBack = (reason: string, detail?: string) =>
  link.onMessage({
    type: MessageType.MigrateConnectionAck,
    link: 7,
    attempt: 1,
    outcome: 'rolledBack',
    server: 'hub',
    reason,
    epoch: 3,
    ...(detail !== undefined && { detail }),
  });
const READY = { attempt: 1, state: 'ready' };
const BUSY = 'another attempt is under way';
const refusal = (reason: string, attempt = 1) => ({
  ...ready(10, 0, attempt),
  ready: false,
  reason,
});

/** How a link gets into each state. */
const INTO = {
  none: () => undefined,
  requested: () => [handOver(link), request(link)],
  ready: () => request(link),
  migrating: () => [request(link), say({})],
  moved: () => [request(link), say({}), decide(link, 'committed')],
  cancelled: () => [request(link), rollBack('cancelled')],
  failed: () => [request(link), rollBack('deadline')],
};

const EVENTS = {
  'the same attempt again': () => ask(1, { to: { serverId: 'c' } }),
  'the next attempt': () => ask(2),
  'the next attempt, with a handler at work': () => [handOver(link), ask(2)],
  'a reroute': () => request(link, 2, 'reroute'),
  'the safe point': () => link.handled(11),
  'the safe point, once it closes': () => [link.close(4000, ''), link.handled(11)],
  'the last word': () => say({}),
  'the last word, with context and target': () =>
    say({ context: Uint8Array.of(1), to: { serverId: 'c' } }),
  'the last word, once it closes': () => [link.close(4000, ''), say({})],
  'the last word: cancelled': () => say({ refusal: 'cancelled' }),
  'the last word: no': () => say({ refusal: 'no' }),
  'rolled back: cancelled': () => rollBack('cancelled'),
  'rolled back': () => rollBack('noTarget'),
  committed: () => decide(link, 'committed'),
  rebound: () => t.rebind(link, 0),
  'its end': () => end(link),
  'its end here': () => end(link, 1012, MIGRATION),
  'its orphaning': () => [link.onLost(1006, ''), link.gone(1006, '')],
};

type Row = [keyof typeof INTO, keyof typeof EVENTS, MigrationState, unknown[], string?];

describe('the state of a move', () => {
  it.each<Row>([
    ['none', 'the next attempt', 'ready', [{ ...READY, attempt: 2 }]],
    ['none', 'the next attempt, with a handler at work', 'requested', [waiting('handlers', 2)]],
    ['none', 'rolled back', 'none', []],
    ['none', 'its end', 'none', [{}]],
    ['none', 'its end here', 'migrating', []],
    ['none', 'its orphaning', 'none', []],
    ['requested', 'the same attempt again', 'requested', []],
    ['requested', 'the next attempt', 'requested', [waiting('handlers', 2)]],
    ['requested', 'a reroute', 'failed', [ready(10, 0, 2)], 'rerouted'],
    ['requested', 'the safe point', 'ready', [READY, [11]]],
    [
      'requested',
      'the safe point, once it closes',
      'requested',
      [{ code: 4000, reason: '' }, [11]],
    ],
    ['requested', 'rolled back: cancelled', 'cancelled', [], 'cancelled'],
    ['requested', 'rolled back', 'failed', [], 'noTarget'],
    ['requested', 'rebound', 'failed', [], 'rebound'],
    ['requested', 'its end', 'requested', [{}]],
    ['requested', 'its end here', 'migrating', []],
    ['requested', 'its orphaning', 'requested', []],
    ['ready', 'the same attempt again', 'ready', []],
    ['ready', 'the next attempt', 'ready', [refusal(BUSY, 2)]],
    ['ready', 'a reroute', 'ready', [refusal(BUSY, 2)]],
    ['ready', 'the last word', 'migrating', [ready(10, 0)]],
    [
      'ready',
      'the last word, with context and target',
      'migrating',
      [{ ...ready(10, 0), context: Uint8Array.of(1), to: { serverId: 'c' } }],
    ],
    [
      'ready',
      'the last word, once it closes',
      'failed',
      [{ code: 4000, reason: '' }, refusal('the connection is closing')],
      'the connection is closing',
    ],
    ['ready', 'the last word: cancelled', 'cancelled', [refusal('cancelled')], 'cancelled'],
    ['ready', 'the last word: no', 'failed', [refusal('no')], 'no'],
    ['ready', 'rolled back: cancelled', 'cancelled', [], 'cancelled'],
    ['ready', 'rolled back', 'failed', [], 'noTarget'],
    ['ready', 'rebound', 'failed', [], 'rebound'],
    ['ready', 'its end', 'ready', [{}]],
    ['ready', 'its end here', 'migrating', []],
    ['ready', 'its orphaning', 'ready', []],
    ['migrating', 'the same attempt again', 'migrating', []],
    ['migrating', 'the next attempt', 'migrating', [refusal(BUSY, 2)]],
    ['migrating', 'a reroute', 'migrating', [refusal(BUSY, 2)]],
    ['migrating', 'the last word', 'migrating', []],
    ['migrating', 'the last word: cancelled', 'migrating', []],
    ['migrating', 'rolled back: cancelled', 'cancelled', [], 'cancelled'],
    ['migrating', 'rolled back', 'failed', [], 'noTarget'],
    ['migrating', 'rebound', 'failed', [], 'rebound'],
    ['migrating', 'committed', 'migrating', [{ attempt: 1, sent: 0 }]],
    ['migrating', 'its end', 'migrating', [{}]],
    ['migrating', 'its end here', 'migrating', []],
    ['migrating', 'its orphaning', 'migrating', []],
    ['moved', 'the next attempt', 'migrating', []],
    ['moved', 'the last word', 'migrating', []],
    ['moved', 'rolled back', 'migrating', []],
    ['moved', 'its end here', 'migrating', []],
    ['moved', 'its orphaning', 'migrating', []],
    ['cancelled', 'the same attempt again', 'cancelled', []],
    ['cancelled', 'the next attempt', 'ready', [{ ...READY, attempt: 2 }]],
    ['cancelled', 'the last word', 'cancelled', []],
    ['cancelled', 'rolled back', 'cancelled', []],
    ['cancelled', 'its end', 'cancelled', [{}]],
    ['failed', 'the same attempt again', 'failed', []],
    ['failed', 'the next attempt', 'ready', [{ ...READY, attempt: 2 }]],
    ['failed', 'the last word', 'failed', []],
    ['failed', 'rolled back', 'failed', []],
    ['failed', 'its end', 'failed', [{}]],
    ['failed', 'its end here', 'migrating', []],
  ])('%s, then %s: %s', (from, event, to, sent, stays) => {
    INTO[from]();
    t.channel.take();
    t.owner.stays.mockClear();
    EVENTS[event]();
    expect([link.moveState, t.channel.take()]).toEqual([to, sent]);
    expect(t.owner.stays.mock.calls).toEqual(stays === undefined ? [] : [[stays, undefined]]);
    const settles = !event.startsWith('its') && (to === 'ready' || to === 'migrating');
    expect(link.settling).toBe(settles && from !== 'moved' && event !== 'committed');
  });

  it.each(['requested', 'ready'] as const)('%s, then committed: is a fault', (from) => {
    INTO[from]();
    expect(() => decide(link, 'committed')).toThrow(`committed on link 7 while it is ${from}`);
  });

  it.each(['none', 'cancelled', 'failed'] as const)('%s, then committed: is dropped', (from) => {
    INTO[from]();
    decide(link, 'committed');
    expect(t.owner.closed).not.toHaveBeenCalled();
  });

  it('is told with its reasons, also to the application', () => {
    handOver(link);
    ask(1);
    ask(1, { reason: 'request', to: { serverId: 'c' } });
    link.handled(11);
    say({ to: { serverId: 'd' } });
    rollBack('refused', 'no room');
    const move = { attempt: 1, reason: 'request', to: { serverId: 'c' } };
    const last = { ...move, to: { serverId: 'd' } };
    expect(t.host.moveChanged.mock.calls.map(([, change]) => change)).toEqual([
      { state: 'requested', attempt: 1, reason: 'shutdown' },
      { ...move, state: 'requested' },
      { ...move, state: 'ready' },
      { ...last, state: 'migrating' },
      { ...last, state: 'failed', reason: 'refused', detail: 'no room' },
    ]);
    expect(t.owner.moveRequested.mock.calls).toEqual([
      [{ attempt: 1, reason: 'shutdown', deadlineMs: 1000 }],
      [{ ...move, deadlineMs: 1000 }],
    ]);
    expect(t.owner.depart.mock.calls.map(([asked]) => asked)).toEqual([
      { ...move, deadlineMs: 1000 },
    ]);
    expect([t.owner.stays.mock.calls, link.moveAttempt]).toEqual([[['refused', 'no room']], 1]);
  });
});

describe('what the relay hears while a connection cannot leave', () => {
  it('is what is waited for, again when that has changed', () => {
    handOver(link);
    request(link);
    link.progressChanged();
    t.owner.waitsFor = 'hold: payment';
    link.progressChanged();
    t.owner.wantsFlow = true;
    link.progressChanged();
    t.owner.waitsFor = 'x'.repeat(300);
    handOver(link);
    link.handled(12);
    const flow = { flow: true };
    expect(t.channel.take()).toEqual([
      waiting(),
      waiting('hold: payment'),
      { ...waiting('hold: payment'), ...flow },
      { ...waiting('x'.repeat(256)), ...flow },
      [10, 12, 12],
    ]);
  });

  it('is nothing when it leaves at once', () => {
    t.owner.depart.mockImplementation((_, done) => done({}));
    request(link);
    expect(t.channel.take()).toEqual([ready(10, 0)]);
  });

  it('is nothing when nothing was asked for, or it is over', () => {
    link.progressChanged();
    request(link);
    rollBack('cancelled');
    t.channel.take();
    t.owner.waitsFor = 'other';
    link.progressChanged();
    expect(t.channel.take()).toEqual([]);
  });

  it.each(['requested', 'ready', 'migrating'] as const)('lets messages come when %s', (state) => {
    t.owner.wantsFlow = true;
    handOver(link);
    request(link);
    if (state !== 'requested') link.handled(11);
    if (state === 'migrating') say({});
    link.onData('cancel that', false);
    expect(t.owner.deliver.mock.calls).toEqual([['cancel that', false]]);
    expect(link.settling).toBe(state !== 'requested');
  });

  it.each(['ready', 'migrating'] as const)('lets none come unasked when %s', (state) => {
    INTO[state]();
    expect(() => link.onData('x', false)).toThrow(`data on link 7 while it is ${state}`);
  });

  it('lets none come in a later attempt that did not ask for it', () => {
    t.owner.wantsFlow = true;
    handOver(link);
    request(link);
    rollBack('deadline');
    t.owner.wantsFlow = false;
    link.handled(11);
    request(link, 2);
    expect(() => link.onData('x', false)).toThrow('data on link 7 while it is ready');
  });
});

describe('a connection that is held', () => {
  it('leaves when the last hold is released', () => {
    link.hold();
    link.hold();
    request(link);
    link.unhold();
    expect([t.channel.take(), link.moveState]).toEqual([[waiting()], 'requested']);
    link.unhold();
    expect([t.channel.take(), link.moveState]).toEqual([[READY], 'ready']);
  });

  it('goes nowhere when nobody asks', () => {
    link.hold();
    link.unhold();
    expect([t.channel.take(), link.moveState]).toEqual([[], 'none']);
  });
});

describe('the departure', () => {
  it('is what was sent, then what is acknowledged, then READY', () => {
    const [stopped] = [handOver(link), handOver(link)];
    for (const text of ['a', 'b', 'c', 'd']) link.send(text, false);
    request(link);
    t.channel.take();
    link.handled(12);
    link.suspended(stopped);
    say({ context: Uint8Array.of(1) });
    expect(t.channel.take()).toEqual([
      READY,
      'd',
      [10, 12, 12],
      { ...ready(10, 4, 1, 10), context: Uint8Array.of(1) },
    ]);
  });

  it('leaves a suspended message to the next server, or this one goes on with it', () => {
    const number = handOver(link);
    request(link);
    link.suspended(number);
    say({});
    rollBack('noTarget');
    link.resumed();
    t.channel.take();
    request(link, 2);
    expect(t.channel.take()).toEqual([waiting('handlers', 2)]);
    link.handled(number);
    say({});
    expect(t.channel.take()).toEqual([{ ...READY, attempt: 2 }, [11], ready(11, 0, 2, 10)]);
  });

  it.each<[string, Departure, RegExp]>([
    ['context', { context: new Uint8Array(1_000_001) }, /"context" must be at most 1000000 bytes/],
    ['target', { to: { serverId: 'x'.repeat(129) } }, /"serverId" must be a string of at most 128/],
  ])('fails with a %s that the relay does not take', (_, departure, reason) => {
    request(link);
    say(departure);
    const [, answer] = t.channel.take() as [unknown, { ready: boolean; reason: string }];
    expect(answer.ready).toBe(false);
    expect(answer.reason).toMatch(reason);
    expect(link.moveState).toBe('failed');
  });

  it('that comes late has no effect on the next attempt', () => {
    request(link);
    rollBack('deadline');
    request(link, 2);
    t.channel.take();
    words[0]!({ refusal: 'late' });
    words[0]!({});
    expect([t.channel.take(), link.moveState]).toEqual([[], 'ready']);
    words[1]!({});
    words[1]!({ refusal: 'twice' });
    expect([t.channel.take(), link.moveState]).toEqual([[ready(10, 0, 2)], 'migrating']);
  });

  it('that comes while the service connection is lost has none either', () => {
    request(link);
    link.onLost(1006, '');
    t.channel.take();
    say({});
    expect([t.channel.take(), link.moveState, link.settling]).toEqual([[], 'ready', true]);
    t.rebind(link, 0);
    say({});
    expect([t.next.take(), link.moveState]).toEqual([
      [{ accepted: true, received: 10 }, [10]],
      'failed',
    ]);
  });

  it('is not asked for while the service connection is lost', () => {
    handOver(link);
    request(link);
    link.onLost(1006, '');
    link.handled(11);
    expect([words.length, link.moveState]).toEqual([0, 'requested']);
  });

  it.each(['requested', 'ready'] as const)('does not hold up what is sent: %s', (state) => {
    INTO[state]();
    t.channel.take();
    link.send('x', false);
    expect(t.channel.take()).toEqual(['x']);
  });
});
