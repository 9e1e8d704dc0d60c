import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminApp, PLATFORMS, TOKEN } from '../../test/support/admin-fixture.js';
import type { Platform } from '../../test/support/admin-fixture.js';
import type { TestHub } from '../../test/support/relay-fixture.js';
import { until } from '../../test/support/until.js';
import { MessageType } from '../protocol/messages.js';
import type { ControlMessage } from '../protocol/messages.js';
import type { ClientConnection } from '../relay/client-connection.js';

const problem = (name: string) => `urn:nestjs-ws-migration:problem:${name}`;

describe.each(Object.keys(PLATFORMS) as Platform[])('migrations on %s', (platform) => {
  let api: AdminApp;
  let a: TestHub;
  let client: ClientConnection;
  beforeEach(() => start());
  afterEach(() => api.stop());

  async function start() {
    api = await AdminApp.start({ platform });
    a = api.hub('hub-a');
    client = api.client();
    await until(() => expect(client.movable).toBe(true));
    const b = api.hub('hub-b');
    await until(() => expect(b.established).toBe(true));
  }

  const path = (id = client.connectionId) => `/connections/${id}/migration`;
  const post = (json?: unknown) => api.request('POST', path(), json === undefined ? {} : { json });
  const get = () => api.get(path());
  const cancel = () => api.request('DELETE', path());
  /** The hub server of the client says something. */
  const say = async (message: object, state: string) => {
    const { link } = a.links[0]!.opened;
    a.session.sendControl({ link, ...message } as ControlMessage);
    await until(() => expect(client.attempt?.state ?? 'none').toBe(state));
  };
  const progress = (state: 'waiting' | 'ready', waitsFor?: string) =>
    say(
      { type: MessageType.MigrateConnectionProgress, attempt: 1, state, waitsFor },
      state === 'ready' ? 'ready' : 'requested',
    );

  it('are asked for, followed and cancelled', async () => {
    const { connectionId } = client;
    expect((await get()).body).toEqual({
      connectionId,
      server: 'hub-a',
      state: 'none',
      attempt: 0,
    });
    const begun = await post({ to: { serverId: 'hub-b' }, deadlineMs: 60_000, reason: 'canary' });
    expect(begun.status).toBe(202);
    expect(begun.headers.get('location')).toBe(`/migration/admin${path()}`);
    const requested = {
      connectionId,
      server: 'hub-a',
      state: 'requested',
      attempt: 1,
      reason: 'canary',
      from: 'hub-a',
      to: { serverId: 'hub-b' },
    };
    expect(begun.body).toEqual(requested);
    await progress('waiting', 'hold: payment');
    await until(async () =>
      expect((await get()).body).toEqual({ ...requested, waitsFor: 'hold: payment' }),
    );
    const { body } = await api.get(`/connections/${connectionId}`);
    expect(body).toMatchObject({
      migratable: true,
      migration: { state: 'requested', attempt: 1, waitsFor: 'hold: payment' },
    });
    const cancelled = await cancel();
    expect(cancelled.status).toBe(200);
    expect(cancelled.body).toMatchObject({ state: 'cancelled', reason: 'cancelled', attempt: 1 });
    expect((await get()).body).toEqual(cancelled.body);
  });

  it('need no body', async () => {
    expect(await post()).toMatchObject({ status: 202, body: { reason: 'requested' } });
  });

  it.each<[name: string, json: object | undefined, prepare: () => unknown]>([
    ['already-there', { to: { serverName: 'hub-a' } }, () => undefined],
    ['no-target', { to: { serverId: 'none' } }, () => undefined],
    [
      'not-migratable',
      undefined,
      async () => {
        await say({ type: MessageType.Checkpoint, migratable: false }, 'none');
        await until(() => expect(client.migratable).toBe(false));
      },
    ],
    [
      'migration-too-late',
      undefined,
      async () => {
        await post();
        await progress('ready');
      },
    ],
    [
      'connection-closing',
      undefined,
      () => {
        a.links[0]!.onMessage = () => undefined;
        client.closed(1001, '');
      },
    ],
  ])('are refused: %s', async (name, json, prepare) => {
    await prepare();
    const answer = await post(json);
    expect(answer).toMatchObject({
      status: 409,
      body: { type: problem(name), status: 409, connectionId: client.connectionId },
    });
    expect(answer.type).toMatch(/^application\/problem\+json/);
    expect(answer.body.detail).toMatch(/^[a-z].{20}/);
    expect(answer.body.state).toBe(name === 'migration-too-late' ? 'ready' : 'none');
  });

  it('cannot be cancelled when there is none, or when it is too late', async () => {
    expect(await cancel()).toMatchObject({
      status: 409,
      body: { type: problem('nothing-to-cancel') },
    });
    await post();
    await progress('ready');
    expect(await cancel()).toMatchObject({
      status: 409,
      body: { type: problem('migration-too-late'), state: 'ready' },
    });
  });

  it.each(['POST', 'GET', 'DELETE'])('of a connection that nobody knows: %s', async (method) => {
    expect(await api.request(method, path('none'))).toMatchObject({
      status: 404,
      body: { type: problem('unknown-connection'), connectionId: 'none' },
    });
  });

  it.each([
    [{ to: 'hub-b' }, 'to', 'must be an object'],
    [{ to: [] }, 'to', 'must be an object'],
    [{ to: null }, 'to', 'must be an object'],
    [{ to: { serverId: 7 } }, 'to.serverId', 'must be a string of 1 to 128'],
    [{ to: { version: 'x'.repeat(129) } }, 'to.version', 'must be a string of 1 to 128'],
    [{ to: { name: 'x' } }, 'to.name', 'what is: serverId, serverName, version'],
    [{ deadlineMs: 0 }, 'deadlineMs', 'must be an integer from 1 to 86400000'],
    [{ reason: '' }, 'reason', 'must be a string of 1 to 256'],
    [{ why: 'x' }, 'why', 'what is: to, deadlineMs, reason'],
  ])('are not begun by %j', async (json, field, detail) => {
    const { status, body } = await post(json);
    expect([status, body.errors]).toEqual([
      400,
      [{ field, detail: expect.stringContaining(detail) }],
    ]);
    expect((await get()).body.state).toBe('none');
  });

  describe('as a stream of events', () => {
    async function open(token = TOKEN) {
      const aborted = new AbortController();
      const response = await fetch(`${api.url}/migration/admin/migrations/events`, {
        headers: { authorization: `Bearer ${token}` },
        signal: aborted.signal,
      });
      const stream = { response, text: '', ended: false, close: () => aborted.abort() };
      const read = async () => {
        const decoder = new TextDecoder();
        for await (const chunk of response.body!) stream.text += decoder.decode(chunk);
      };
      void read()
        .catch(() => undefined)
        .then(() => (stream.ended = true));
      return stream;
    }
    const eventsOf = ({ text }: { text: string }) =>
      [...text.matchAll(/^event: (\w+)\nid: \d+\ndata: (.*)$/gm)].map(([, type, data]) => ({
        type,
        ...(JSON.parse(data!) as { state: string; connectionId: string; at: number }),
      }));

    it('are told as they happen, to everybody who listens', async () => {
      const [one, other] = [await open(), await open()];
      expect(one.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      await post({ reason: 'canary' });
      await cancel();
      for (const stream of [one, other]) {
        await until(() => expect(eventsOf(stream)).toHaveLength(2));
        const common = {
          type: 'migration',
          connectionId: client.connectionId,
          at: expect.any(Number),
          attempt: 1,
          from: 'hub-a',
        };
        expect(eventsOf(stream)).toEqual([
          { ...common, state: 'requested', reason: 'canary' },
          { ...common, state: 'cancelled', reason: 'cancelled' },
        ]);
        stream.close();
      }
    });

    it('end when the relay stops', async () => {
      const stream = await open();
      await post();
      await api.stop();
      await until(() => expect(stream.ended).toBe(true));
      expect(eventsOf(stream)[0]).toMatchObject({ state: 'requested' });
    });

    it('listen no more when the reader is gone', async () => {
      const { migrationEvents } = api.core;
      const stream = await open();
      await until(() => expect(migrationEvents.listenerCount).toBe(1));
      stream.close();
      await until(() => expect(migrationEvents.listenerCount).toBe(0));
    });

    it('need a token', async () => {
      const { response } = await open('wrong');
      expect(response.status).toBe(401);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    });
  });
});
