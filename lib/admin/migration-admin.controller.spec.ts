import 'reflect-metadata';
import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdminApp, NEXT_TOKEN, PLATFORMS, TOKEN } from '../../test/support/admin-fixture.js';
import type { Platform } from '../../test/support/admin-fixture.js';
import { until } from '../../test/support/until.js';
import { MessageType } from '../protocol/messages.js';

const PROBLEM = /^application\/problem\+json/;
const problem = (name: string) => `urn:nestjs-ws-migration:problem:${name}`;

describe.each(Object.keys(PLATFORMS) as Platform[])('the admin API on %s', (platform) => {
  let api: AdminApp;
  beforeEach(async () => {
    api = await AdminApp.start({ platform });
  });
  afterEach(() => api.stop());

  /** A link on a service connection through ingress a, with another way through b. */
  async function link() {
    const hub = api.hub('hub-1', 'a');
    await until(() => expect(hub.established).toBe(true));
    const client = api.client('edge');
    await until(() => expect(client.movable).toBe(true));
    const other = api.hub('hub-1', 'b');
    await until(() => expect(other.established).toBe(true));
    return { hub, client };
  }

  async function expectProblem(path: string, status: number, name: string) {
    const answer = await api.get(path);
    expect(answer).toMatchObject({ status, body: { type: problem(name), status } });
    expect(answer.type).toMatch(PROBLEM);
    return answer.body;
  }

  describe('tokens', () => {
    it.each([
      ['nothing', ''],
      ['another scheme', `Basic ${TOKEN}`],
      ['a scheme without token', 'Bearer '],
    ])('are asked for when there is %s', async (_, authorization) => {
      const answer = await api.request('GET', '/ingresses', { headers: { authorization } });
      expect(answer).toMatchObject({ status: 401, body: { type: problem('unauthorized') } });
      expect(answer.type).toMatch(PROBLEM);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="migration-admin"');
    });

    it.each([TOKEN.slice(1), `${TOKEN}x`, TOKEN.toUpperCase(), 'x'.repeat(5000)])(
      'are refused when they are wrong, and not repeated: %.50s',
      async (token) => {
        const answer = await api.get('/ingresses', token);
        expect(answer.status).toBe(401);
        expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
        expect(JSON.stringify(answer.body)).not.toContain(token);
      },
    );

    it('may be several, for a replacement', async () => {
      for (const token of [TOKEN, NEXT_TOKEN]) {
        expect((await api.get('/ingresses', token)).status).toBe(200);
      }
      const authorization = `bearer ${TOKEN}`;
      const answer = await api.request('GET', '/ingresses', { headers: { authorization } });
      expect(answer.status).toBe(200);
    });

    it.each([
      ['GET', '/ingresses/a'],
      ['POST', '/ingresses/a/reload'],
      ['GET', '/ingresses/a/reload'],
      ['DELETE', '/ingresses/a/reload'],
      ['GET', '/servers'],
      ['GET', '/servers/a'],
      ['GET', '/service-connections'],
      ['GET', '/connections'],
      ['GET', '/connections/a'],
      ['POST', '/connections/a/migration'],
      ['GET', '/connections/a/migration'],
      ['DELETE', '/connections/a/migration'],
      ['GET', '/migrations/events'],
    ])('protect %s %s', async (method, path) => {
      expect((await api.request(method, path, { token: 'wrong' })).status).toBe(401);
    });
  });

  describe('ingresses', () => {
    it('are listed with what comes through them', async () => {
      await link();
      const { status, type, headers, body } = await api.get('/ingresses');
      expect(status).toBe(200);
      expect(type).toMatch(/^application\/json/);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(body.ingresses).toEqual([
        { ingress: 'a', serviceConnections: 1, links: 1, clients: 0 },
        { ingress: 'b', serviceConnections: 1, links: 0, clients: 0 },
        { ingress: 'edge', serviceConnections: 0, links: 0, clients: 1 },
      ]);
      expect((await api.get('/ingresses/b')).body).toEqual(body.ingresses[1]);
    });

    it('that nobody knows are a problem', async () => {
      expect(await expectProblem('/ingresses/nginx%201', 404, 'unknown-ingress')).toMatchObject({
        ingress: 'nginx 1',
        detail: expect.stringContaining('"nginx 1"'),
      });
    });

    // Fastify itself refuses parameters of more than 100 characters with 414.
    it.each(platform === 'express' ? ['%07', 'x'.repeat(257)] : ['%07'])(
      'cannot be called %.10s',
      async (id) => {
        for (const path of [`/ingresses/${id}`, `/servers/${id}`, `/connections/${id}`]) {
          const { errors } = await expectProblem(path, 400, 'invalid-request');
          expect(errors).toEqual([
            { field: 'id', detail: expect.stringMatching(/^must be a string/) },
          ]);
        }
      },
    );
  });

  describe('a reload', () => {
    const post = (path = '', init: Parameters<AdminApp['request']>[2] = {}) =>
      api.request('POST', `/ingresses/a/reload${path}`, init);

    it('is over at once when nothing depends on the ingress', async () => {
      const hub = api.hub('hub-1', 'a');
      await until(() => expect(hub.established).toBe(true));
      const { status, body, headers } = await post();
      expect(status).toBe(200);
      expect(body).toMatchObject({ ingress: 'a', state: 'ready', links: { remaining: 0 } });
      expect(headers.get('location')).toBeNull();
    });

    it('is followed until it is called off', async () => {
      await link();
      await expectProblem('/ingresses/a/reload', 404, 'no-reload');
      const begun = await post('?wait=false', { json: { deadlineMs: 86_400_000 } });
      expect(begun.status).toBe(202);
      expect(begun.headers.get('location')).toBe('/migration/admin/ingresses/a/reload');
      expect(begun.body).toMatchObject({ state: 'running', links: { moved: 0, remaining: 1 } });
      expect(begun.body.remainingMs).toBeGreaterThan(80_000_000);

      const again = await post();
      expect(again.status).toBe(202);
      expect(again.body.remainingMs).toBeGreaterThan(80_000_000);
      const progress = await fetch(api.url + begun.headers.get('location'), {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      expect(await progress.json()).toMatchObject({ state: 'running' });

      const off = await api.request('DELETE', '/ingresses/a/reload');
      expect(off).toMatchObject({ status: 200, body: { state: 'cancelled', remainingMs: 0 } });
      expect((await api.get('/ingresses/a/reload')).body).toEqual(off.body);
      expect((await api.get('/ingresses/a')).body.reload).toEqual(off.body);
    });

    it('lasts as relay.ingressReloadMs says when the call does not', async () => {
      await link();
      const { body } = await post();
      expect(body.remainingMs).toBeGreaterThan(20_000);
      expect(body.remainingMs).toBeLessThanOrEqual(30_000);
    });

    it('is waited for until it is over', async () => {
      const { hub } = await link();
      const answer = api.request('POST', '/ingresses/edge/reload?wait=true');
      await until(() => expect(hub.links[0]?.closed?.reason).toBe('ingressReload'));
      hub.session.sendControl({ type: MessageType.ConnectionClosed, link: 1 });
      expect(await answer).toMatchObject({
        status: 200,
        body: { state: 'ready', clients: { left: 1, remaining: 0 } },
      });
    });

    it('is waited for until its deadline', async () => {
      await link();
      const answer = await post('?wait=true', { json: { deadlineMs: 1 } });
      expect(answer).toMatchObject({ status: 200, body: { state: 'expired' } });
      expect(answer.body.links.remaining).toBe(1);
    });

    it('is waited for until the relay stops', async () => {
      await link();
      const answer = post('?wait=true');
      await until(() => expect(api.core.ingresses.get('a')?.reload?.state).toBe('running'));
      api.core.endSessions();
      expect(await answer).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    });

    it('leaves nothing of a client that hangs up while it waits', async () => {
      await link();
      const stopped = vi.fn<() => void>();
      const { ingresses } = api.core;
      const whenOver = ingresses.whenOver.bind(ingresses);
      const spy = vi.spyOn(ingresses, 'whenOver').mockImplementation((ingress, listener) => {
        const stop = whenOver(ingress, listener);
        return () => {
          stopped();
          stop();
        };
      });
      const sent = httpRequest(`${api.url}/migration/admin/ingresses/a/reload?wait=true`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      sent.on('error', () => {});
      sent.end();
      await until(() => expect(spy).toHaveBeenCalledTimes(1));
      expect(stopped).not.toHaveBeenCalled();
      sent.destroy();
      await until(() => expect(stopped).toHaveBeenCalledTimes(1));
    });

    it('of an unknown ingress is a problem', async () => {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const { status, type, body } = await api.request(method, '/ingresses/none/reload');
        expect({ status, type: body.type }).toEqual({
          status: 404,
          type: problem('unknown-ingress'),
        });
        expect(type).toMatch(PROBLEM);
      }
    });

    it('that was never asked for cannot be called off', async () => {
      await link();
      const { status, body } = await api.request('DELETE', '/ingresses/a/reload');
      expect(status).toBe(404);
      expect(body).toMatchObject({ type: problem('no-reload'), ingress: 'a' });
    });

    it('of the last ingress is refused, and says whom it would cut off', async () => {
      const hub = api.hub('hub-1', 'a');
      await until(() => expect(hub.established).toBe(true));
      const client = api.client();
      await until(() => expect(client.movable).toBe(true));
      const { status, type, body } = await post();
      expect(status).toBe(409);
      expect(type).toMatch(PROBLEM);
      expect(body).toMatchObject({
        type: problem('last-ingress'),
        ingress: 'a',
        servers: ['hub-1'],
      });
    });

    it.each([
      [{ deadlineMs: 0 }, 'deadlineMs', 'must be an integer from 1 to 86400000 (got 0)'],
      [{ deadlineMs: 86_400_001 }, 'deadlineMs', expect.stringContaining('86400001')],
      [{ deadlineMs: '5' }, 'deadlineMs', expect.stringContaining('(got "5")')],
      [{ deadlineMs: 1.5 }, 'deadlineMs', expect.stringContaining('(got 1.5)')],
      [{ deadlineMs: null }, 'deadlineMs', expect.stringContaining('(got null)')],
      [{ deadline: 5 }, 'deadline', 'is not known here; what is: deadlineMs'],
      [{ 'a\nb': 5 }, '"a\\nb"', expect.stringContaining('is not known')],
      [[], 'body', 'must be a JSON object (got a list of 0)'],
    ])('refuses the body %j', async (json, field, detail) => {
      const { status, type, body } = await post('', { json });
      expect(status).toBe(400);
      expect(type).toMatch(PROBLEM);
      expect(body).toMatchObject({ type: problem('invalid-request'), errors: [{ field, detail }] });
    });

    it.each([
      ['wait=yes', 'wait', 'must be true or false (got "yes")'],
      ['wait=true&wait=true', 'wait', 'must be true or false (got a list of 2)'],
      ['force=true', 'force', 'is not known here; what is: wait'],
    ])('refuses the query %s', async (query, field, detail) => {
      const { status, body } = await post(`?${query}`);
      expect(status).toBe(400);
      expect(body.errors).toEqual([{ field, detail }]);
    });

    it('names every wrong field', async () => {
      const { body } = await post('', { json: { deadlineMs: -1, a: 1, b: 2 } });
      expect(body.errors.map(({ field }: { field: string }) => field)).toEqual([
        'deadlineMs',
        'a',
        'b',
      ]);
      expect(body.detail).toContain('deadlineMs must be');
    });
  });

  describe('servers and service connections', () => {
    it('are listed', async () => {
      const { client } = await link();
      const other = api.hub('hub-2');
      await until(() => expect(other.established).toBe(true));
      const { body } = await api.get('/servers');
      expect(body.servers).toEqual([
        {
          serverId: 'hub-1',
          serverName: 'hub-1',
          version: '1',
          draining: false,
          connections: 1,
          serviceConnections: 2,
          endpoints: [{ port: 0, path: '/chat' }],
        },
        expect.objectContaining({ serverId: 'hub-2', connections: 0, serviceConnections: 1 }),
      ]);
      expect((await api.get('/servers/hub-2')).body).toEqual(body.servers[1]);
      const { serviceConnections } = (await api.get('/service-connections')).body;
      expect(serviceConnections).toEqual([
        {
          id: client.session?.id,
          state: 'open',
          server: 'hub-1',
          ingress: 'a',
          links: 1,
          avoided: false,
        },
        expect.objectContaining({ server: 'hub-1', ingress: 'b', links: 0 }),
        { id: expect.any(String), state: 'open', server: 'hub-2', links: 0, avoided: false },
      ]);
      expect(new Set(serviceConnections.map(({ id }: { id: string }) => id)).size).toBe(3);
    });

    it('that nobody knows are a problem', async () => {
      expect(await expectProblem('/servers/none', 404, 'unknown-server')).toMatchObject({
        server: 'none',
      });
    });
  });

  describe('connections', () => {
    it('are shown with the link that carries them', async () => {
      const { client } = await link();
      client.message('123', false);
      const [first] = (await api.get('/connections')).body.connections;
      expect(first).toEqual({
        connectionId: client.connectionId,
        state: 'open',
        endpoint: { port: 0, path: '/chat' },
        address: '192.0.2.7',
        ingress: 'edge',
        server: 'hub-1',
        serviceConnection: client.session?.id,
        link: 1,
        epoch: 1,
        retainedBytes: expect.any(Number),
        migratable: true,
      });
      const { body } = await api.get(`/connections/${client.connectionId}`);
      expect(body).toMatchObject({ connectionId: client.connectionId, state: 'open' });
      expect(await expectProblem('/connections/none', 404, 'unknown-connection')).toMatchObject({
        connectionId: 'none',
      });
    });

    it('come in pages', async () => {
      await link();
      for (let count = 1; count < 250; count++) api.client();
      await until(() => expect(api.core.connections.size).toBe(250));
      const pages: string[][] = [];
      let after: string | undefined = '';
      while (after !== undefined) {
        const { body } = await api.get(`/connections?limit=120${after && `&after=${after}`}`);
        pages.push(body.connections.map((one: { connectionId: string }) => one.connectionId));
        after = body.next;
      }
      expect(pages.map(({ length }) => length)).toEqual([120, 120, 10]);
      expect(pages.flat()).toEqual([...api.core.connections.keys()].sort());
      expect((await api.get('/connections')).body.connections).toHaveLength(100);
    });

    it('are found by server, ingress and state', async () => {
      const { client } = await link();
      const held = api.client('edge', '/nowhere');
      const ids = async (query: string) =>
        (await api.get(`/connections?${query}`)).body.connections.map(
          (one: { connectionId: string }) => one.connectionId,
        );
      const both = [client.connectionId, held.connectionId].sort();
      expect(await ids('')).toEqual(both);
      expect(await ids('ingress=edge')).toEqual(both);
      expect(await ids('ingress=a')).toEqual([]);
      expect(await ids('server=hub-1')).toEqual([client.connectionId]);
      expect(await ids('state=opening')).toEqual([held.connectionId]);
      expect(await ids('state=open&server=hub-1')).toEqual([client.connectionId]);
      api.core.ingresses.reload('a', 10_000);
      expect(await ids('state=moving')).toEqual([client.connectionId]);
    });

    it.each([
      ['limit=0', 'limit', 'must be an integer from 1 to 1000 (got 0)'],
      ['limit=1001', 'limit', 'must be an integer from 1 to 1000 (got 1001)'],
      ['limit=many', 'limit', 'must be an integer from 1 to 1000 (got "many")'],
      ['state=gone', 'state', expect.stringContaining("'detached'")],
      ['server=', 'server', expect.stringContaining('must be a string of 1 to 256')],
      ['after=%00', 'after', expect.stringContaining('printable')],
      [
        'sever=x',
        'sever',
        expect.stringContaining('what is: server, ingress, state, after, limit'),
      ],
    ])('refuse the query %s', async (query, field, detail) => {
      const { errors } = await expectProblem(`/connections?${query}`, 400, 'invalid-request');
      expect(errors).toEqual([{ field, detail }]);
    });
  });

  it('answers a fault as a problem that tells nothing of it', async () => {
    vi.spyOn(api.core.ingresses, 'list').mockImplementation(() => {
      throw new Error('inner workings');
    });
    const { status, type, body } = await api.get('/ingresses');
    expect(status).toBe(500);
    expect(type).toMatch(PROBLEM);
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail: 'see the log of the relay',
    });
  });
});
