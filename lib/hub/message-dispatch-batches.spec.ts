import type { LoggerService, WsMessageHandler } from '@nestjs/common';
import { from, isObservable, mergeAll, of, Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { until } from '../../test/support/until.js';
import { nextTurn, SocketFixture } from '../../test/support/virtual-socket-fixture.js';
import type { SocketFixtureOptions } from '../../test/support/virtual-socket-fixture.js';
import { ResumeEvent } from '../gateway/batch/resume-event.js';
import { DEFAULT_ATTENTION } from '../options/index.js';
import { BatchDispatch } from './batch/batch-dispatch.js';
import { BatchRun } from './batch/batch-run.js';
import { BatchCatalogue } from './batch/endpoint-batches.js';
import type { MessageMethod } from './batch/message-methods.js';
import type { ArrivedWork } from './connection-work.js';
import { MigrationWsAdapter } from './migration-ws.adapter.js';

type Callback = (...args: unknown[]) => unknown;

const transform = (result: unknown): Observable<unknown> =>
  from(
    Promise.resolve(result).then((it) => (isObservable(it) ? it : of(it))) as Promise<
      Observable<unknown>
    >,
  ).pipe(mergeAll());

class ThroughAdapter extends MigrationWsAdapter {
  override bindMessageHandler(
    { data }: { data: string },
    handlers: Map<string, WsMessageHandler>,
    pick: typeof transform,
  ) {
    const message = JSON.parse(data) as { event: string; data: unknown };
    const handler = handlers.get(message.event);
    return handler ? pick((handler.callback as Callback)(message.data, message.event)) : of();
  }
}

const settled = async () => {
  for (let i = 0; i < 6; i++) await nextTurn();
};

class Gateway {}

const method = (event: string, isBatch: boolean, isResume = false): MessageMethod => ({
  gateway: Gateway,
  endpoint: { port: 0, path: '/chat' },
  method: `${event}${isResume}`,
  event,
  isBatch,
  isResume,
  results: { streams: false },
});

function setUp(
  adapter: MigrationWsAdapter,
  options: SocketFixtureOptions = {},
  arrived?: ArrivedWork,
) {
  const t = new SocketFixture(options);
  t.socket.arrived = arrived;
  t.socket.enter();
  const source = new Subject<unknown>();
  const runs: unknown[][] = [];
  const catalogue = new BatchCatalogue(
    [method('watch', true), method('watch', true, true), method('echo', false)],
    DEFAULT_ATTENTION,
    () => 'wait',
  );
  const log: LoggerService = { log() {}, error: vi.fn<() => void>(), warn() {} };
  adapter.batches = new BatchDispatch(catalogue, 1000, log);
  const callback =
    (name: string): Callback =>
    (...args) => {
      const run = args.find((it): it is BatchRun => it instanceof BatchRun);
      runs.push([name, args[0], run !== undefined]);
      if (!run) return args[0];
      run.checkpoint({ at: name });
      return Promise.resolve().then(() => run.read(source));
    };
  const handlers = [
    { message: 'watch', callback: callback('handler') },
    { message: new ResumeEvent('watch'), callback: callback('resume') },
    { message: 'echo', callback: callback('echo') },
  ];
  adapter.bindMessageHandlers(t.socket as never, handlers as never, transform);
  const ask = (event: string, data?: unknown, id?: unknown) =>
    t.receive(Buffer.from(JSON.stringify({ event, data, id })));
  return { t, source, runs, ask };
}

describe.each([
  ['the own dispatch', () => new MigrationWsAdapter()],
  ['a bindMessageHandler of a sub-class', () => new ThroughAdapter()],
])('batches in %s', (_, make) => {
  it('get their run, others do not', async () => {
    const { t, source, runs, ask } = setUp(make());
    ask('watch', 1);
    ask('echo', 2);
    await settled();
    source.next('value');
    expect(runs).toEqual([
      ['handler', 1, true],
      ['echo', 2, false],
    ]);
    expect(t.sent.map(({ data }) => data)).toEqual(['2', '"value"']);
  });

  it('go on with the resume handler when the connection stays', async () => {
    const { t, source, runs, ask } = setUp(make());
    ask('watch', 1);
    await settled();
    t.askToMove();
    await settled();
    expect(source.observed).toBe(false);
    expect(t.socket.pending).toEqual([{ number: 1, cursor: { at: 'handler' }, results: 0 }]);
    t.moves('rolledBack');
    await settled();
    source.next('value');
    source.complete();
    await settled();
    expect(runs.map(([name, data]) => [name, data])).toEqual([
      ['handler', 1],
      ['resume', 1],
    ]);
    expect([t.sent.map(({ data }) => data), t.socket.pending]).toEqual([['"value"'], []]);
  });

  it('go on with the resume handler when they arrive', async () => {
    const batches = [{ number: 1, cursor: 'c', results: 3 }];
    const { t, source, runs, ask } = setUp(make(), {}, { batches, cancelled: ['r9'] });
    ask('watch', 1);
    ask('watch', 2);
    await settled();
    source.next('value');
    expect(runs.map(([name, data]) => [name, data])).toEqual([
      ['resume', 1],
      ['handler', 2],
    ]);
    expect(t.socket.pending.map(({ results }) => results)).toEqual([3, 0]);
    ask('cancel', { id: 'r9' });
    expect(t.sent.at(-1)?.data).toContain('"found":true');
  });

  it('are cancelled, also by a message that the application emits', async () => {
    const { t, source, ask } = setUp(make());
    ask('watch', {}, 'r1');
    await settled();
    t.socket.emit('message', Buffer.from('{"event":"cancel","data":{"id":"r1"}}'), false);
    source.next('too late');
    await settled();
    expect(t.sent.map(({ data }) => JSON.parse(data) as unknown)).toEqual([
      { event: 'cancelled', data: { id: 'r1', found: true } },
    ]);
    await until(() => expect(t.acknowledged).toBe(1));
  });

  it('end with the client', async () => {
    const { t, source, ask } = setUp(make());
    ask('watch');
    await settled();
    t.ends(1000);
    await settled();
    expect(source.observed).toBe(false);
  });

  it.each(['handled', 'received'] as const)('are not acknowledged before (%s)', async (ack) => {
    const { t, source, ask } = setUp(make(), { ack });
    ask('watch');
    await settled();
    expect(t.acknowledged).toBe(0);
    ask('echo');
    await settled();
    source.complete();
    await settled();
    await until(() => expect(t.acknowledged).toBe(2));
  });
});
