import { Logger } from '@nestjs/common';
import type { WsMessageHandler } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { finalize, from, isObservable, mergeAll, of, Subject, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { nextTurn, SocketFixture } from '../../test/support/virtual-socket-fixture.js';
import type { DirectHandler, DirectHandlers } from './direct-handlers.js';
import { MigrationWsAdapter } from './migration-ws.adapter.js';

type Callback = (data: unknown, event: unknown) => unknown;

/** What Nest gives its adapters: `WebSocketsController.pickResult`. */
const transform = (result: unknown): Observable<unknown> =>
  from(
    Promise.resolve(result).then((it) => (isObservable(it) ? it : of(it))) as Promise<
      Observable<unknown>
    >,
  ).pipe(mergeAll());

const bind = (adapter: WsAdapter, t: SocketFixture, handlers: Record<string, Callback>) =>
  adapter.bindMessageHandlers(
    t.socket as never,
    Object.entries(handlers).map(([message, callback]) => ({ message, callback })) as never,
    transform,
  );

const ask = (t: SocketFixture, event: string, data?: unknown) =>
  t.receive(Buffer.from(JSON.stringify({ event, data })));

const settled = async () => {
  for (let i = 0; i < 5; i++) await nextTurn();
};

afterEach(() => vi.restoreAllMocks());

const RESULTS: Record<string, Callback> = {
  value: (data) => ({ data }),
  event: (_, event) => event,
  zero: () => 0,
  no: () => false,
  empty: () => '',
  null: () => null,
  undefined: () => undefined,
  promise: async (data) => Promise.resolve([data]),
  promiseOfNull: async () => null,
  // oxlint-disable-next-line unicorn/no-thenable -- a handler may return what only looks like a promise
  thenable: () => ({ then: (done: (value: string) => void) => done('then') }),
  throws: () => {
    throw new Error('thrown');
  },
  rejects: () => Promise.reject(new Error('rejected')),
  values: () => of(1, null, 2, undefined, 3),
  later: () => from(nextTurn().then(() => 'later')),
  fails: () => throwError(() => new Error('failed')),
  promiseOfValues: async () => of('a', 'b'),
  foreign: () => ({
    lift() {},
    subscribe: (it: { next(value: unknown): void }) => of('foreign').subscribe(it),
    [Symbol.observable ?? '@@observable']() {
      return this;
    },
  }),
};
/** The stock adapter lets the process end over it. */
const unsendable: Callback = () => 1n;

describe('MigrationWsAdapter', () => {
  it.each(Object.keys(RESULTS))('answers %s as the stock adapter does', async (event) => {
    vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    const answers = async (adapter: WsAdapter) => {
      const t = new SocketFixture();
      bind(adapter, t, RESULTS);
      ask(t, event, 'data');
      await settled();
      ask(t, 'value', 'after');
      await settled();
      return t.sent;
    };
    const stock = await answers(new WsAdapter());
    expect(stock.at(-1)).toEqual({ data: '{"data":"after"}', binary: false });
    expect(await answers(new MigrationWsAdapter())).toEqual(stock);
  });

  it.each(['5', 'null', '"text"', '{', '', '[]', '{"event":"nobody"}', '{"data":1}'])(
    'answers nothing to %s and logs nothing',
    async (text) => {
      const error = vi.spyOn(Logger.prototype, 'error');
      const t = new SocketFixture();
      bind(new MigrationWsAdapter(), t, RESULTS);
      t.receive(Buffer.from(text));
      await settled();
      expect([t.sent, t.acknowledged, error.mock.calls]).toEqual([[], 1, []]);
    },
  );

  it('logs what a parser of the application throws', async () => {
    const error = vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    const fault = new Error('cannot parse');
    const adapter = new MigrationWsAdapter();
    const t = new SocketFixture();
    bind(adapter, t, RESULTS);
    adapter.setMessageParser(() => {
      throw fault;
    });
    ask(t, 'value');
    await settled();
    expect([t.sent, t.acknowledged, error.mock.calls[0]?.[0]]).toEqual([[], 1, fault]);
  });

  it('has the last of several handlers of an event answer, like the stock adapter', async () => {
    for (const adapter of [new WsAdapter(), new MigrationWsAdapter()]) {
      const t = new SocketFixture();
      const handlers = ['first', 'last'].map((it) => ({ message: 'twice', callback: () => it }));
      adapter.bindMessageHandlers(t.socket as never, handlers as never, transform);
      ask(t, 'twice');
      await settled();
      expect(t.sent.map(({ data }) => data)).toEqual(['"last"']);
    }
  });

  it('tells the handlers of clients and gateways apart', async () => {
    const adapter = new MigrationWsAdapter();
    const fixtures = ['a', 'b', 'c'].map((name) => {
      const t = new SocketFixture();
      const one: Callback = () => `${name} one`;
      const two: Callback = () => `${name} two`;
      bind(adapter, t, name === 'c' ? { two, one } : { one, two });
      return t;
    });
    for (const t of fixtures) ask(t, 'two');
    await settled();
    expect(fixtures.map(({ sent }) => sent[0]?.data)).toEqual(['"a two"', '"b two"', '"c two"']);
  });

  it('calls handlers directly, but not those that an adapter of the application has changed', async () => {
    class Changing extends MigrationWsAdapter {
      override bindMessageHandlers(
        ...[client, handlers, rest]: Parameters<MigrationWsAdapter['bindMessageHandlers']>
      ) {
        super.bindMessageHandlers(client, handlers, rest);
      }
    }
    const answers = [];
    for (const adapter of [new MigrationWsAdapter(), new Changing()]) {
      const t = new SocketFixture();
      const direct: DirectHandler = (client, data, event, identity) => [
        'direct',
        client === t.socket,
        data,
        event,
        identity?.number,
      ];
      adapter.directHandlers = { of: () => [direct] } as unknown as DirectHandlers;
      bind(adapter, t, { asked: (data) => ['given', data] });
      ask(t, 'asked', 'data');
      await settled();
      answers.push(JSON.parse(t.sent[0]!.data as string));
    }
    expect(answers).toEqual([
      ['direct', true, 'data', 'asked', 1],
      ['given', 'data'],
    ]);
  });

  it.each([
    ['a promise', (end: Promise<unknown>) => end],
    ['an Observable', (end: Promise<unknown>) => from(end)],
    ['a promise of an Observable', (end: Promise<unknown>) => Promise.resolve(from(end))],
  ])('counts a message as handled at the end of %s', async (_, result) => {
    const t = new SocketFixture();
    let finish!: (value: unknown) => void;
    const end = new Promise((resolve) => (finish = resolve));
    bind(new MigrationWsAdapter(), t, { work: () => result(end) });
    ask(t, 'work');
    await settled();
    expect([t.acknowledged, t.sent.length]).toEqual([0, 0]);
    finish('done');
    await settled();
    expect([t.acknowledged, t.sent.length]).toEqual([1, 1]);
  });

  it.each(['throws', 'rejects', 'fails', 'unsendable', 'null'])(
    'counts a message as handled when the handler %s',
    async (event) => {
      vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
      const t = new SocketFixture();
      bind(new MigrationWsAdapter(), t, { ...RESULTS, unsendable });
      ask(t, event);
      await settled();
      expect(t.acknowledged).toBe(1);
    },
  );

  it('ends Observables when the client leaves, in the turn of their gateway', async () => {
    const run = async (adapter: WsAdapter) => {
      const t = new SocketFixture();
      const events: string[] = [];
      const source = new Subject<number>();
      t.socket.on('close', () => events.push('before'));
      bind(adapter, t, { watch: () => source.pipe(finalize(() => events.push('ended'))) });
      adapter.bindClientDisconnect(
        t.socket as never,
        ((code: number) => events.push(`disconnect ${code}`)) as never,
      );
      ask(t, 'watch');
      await settled();
      source.next(1);
      t.ends(1000);
      source.next(2);
      await settled();
      source.next(3);
      return { events, sent: t.sent.map(({ data }) => data), observed: source.observed };
    };
    const result = await run(new MigrationWsAdapter());
    expect(result).toEqual(await run(new WsAdapter()));
    expect(result).toEqual({
      events: ['before', 'ended', 'disconnect 1000'],
      sent: ['1'],
      observed: false,
    });
  });

  it('drops what a handler returns after the client has left', async () => {
    const t = new SocketFixture();
    const subscribed = vi.fn<() => void>();
    let finish!: (value: unknown) => void;
    const end = new Promise((resolve) => (finish = resolve));
    bind(new MigrationWsAdapter(), t, { work: () => end, late: () => end.then(() => late) });
    const late = from([1]).pipe(finalize(subscribed));
    ask(t, 'work');
    ask(t, 'late');
    t.ends(1000);
    await settled();
    finish('done');
    await settled();
    expect([t.sent, subscribed.mock.calls]).toEqual([[], []]);
  });

  it('takes messages that the application emits itself', async () => {
    const t = new SocketFixture();
    bind(new MigrationWsAdapter(), t, RESULTS);
    t.socket.emit('message', Buffer.from('{"event":"value","data":1}'), false);
    await settled();
    expect(t.sent.map(({ data }) => data)).toEqual(['{"data":1}']);
  });

  it('goes through a bindMessageHandler that a sub-class puts in the place of the stock one', async () => {
    class LoudAdapter extends MigrationWsAdapter {
      override bindMessageHandler(
        event: { data: string },
        handlers: Map<string, WsMessageHandler>,
        pick: typeof transform,
      ) {
        const handler = handlers.get('shout')!;
        return pick((handler.callback as Callback)(event.data.toUpperCase(), 'shout'));
      }
    }
    const t = new SocketFixture();
    bind(new LoudAdapter(), t, { shout: (data) => of(data) });
    t.receive(Buffer.from('hello'));
    await settled();
    expect([t.sent.map(({ data }) => data), t.acknowledged]).toEqual([['"HELLO"'], 1]);
  });
});
