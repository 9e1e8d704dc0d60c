import { describe, expect, it } from 'vitest';
import { connect } from '../conformance/support/client.js';
import { Deployment, drained } from './support/deployment.js';

interface Who {
  data: { server: string; connectionId: string; protocol: string; request: { ip: string } };
}

/** B7: a connection is the same on every server. */
describe('a connection that moves', () => {
  it('keeps its id and its request, from A over B and C to a new process with the name of A', async () => {
    const deployment = await Deployment.start({ MIGRATION_RELAY_TRUSTED_PROXIES: '127.0.0.1' });
    const hubs = await Promise.all(['a', 'b', 'c', 'a'].map((name) => deployment.prepare(name)));
    await deployment.join(hubs[0]!);
    const client = await connect(deployment.url('/chat?room=7&empty='), ['chat.v2', 'chat.v1'], {
      headers: {
        Cookie: 'session=abc; theme=dark',
        'X-Tenant': 'seven',
        'X-Forwarded-For': '203.0.113.7',
        Authorization: 'Bearer of-the-app',
      },
    });
    const first = (await client.ask('who')) as Who;
    expect(first.data).toMatchObject({
      server: 'a',
      protocol: 'chat.v2',
      request: {
        url: '/chat?room=7&empty=',
        method: 'GET',
        ip: '203.0.113.7',
        headers: {
          cookie: 'session=abc; theme=dark',
          authorization: 'Bearer of-the-app',
          'x-tenant': 'seven',
          'sec-websocket-protocol': 'chat.v2,chat.v1',
        },
      },
    });
    expect(client.socket.protocol).toBe('chat.v2');

    const [a, b, c, again] = hubs as [
      (typeof hubs)[0],
      (typeof hubs)[0],
      (typeof hubs)[0],
      (typeof hubs)[0],
    ];
    for (const [from, to, name] of [
      [a, b, 'b'],
      [b, c, 'c'],
      [c, again, 'a'],
    ] as const) {
      await deployment.join(to);
      expect(await from.drain()).toEqual(drained(1));
      expect(await client.ask('who')).toEqual({
        event: 'who',
        data: { ...first.data, server: name },
      });
      expect(await to.seen('connect')).toMatchObject([{ migration: { from: from.serverId } }]);
    }
    expect(again.serverId).not.toBe(a.serverId);
  });

  it('is another one than every other', async () => {
    const deployment = await Deployment.start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const connections = await Promise.all(
      Array.from({ length: 10 }, () => connect(deployment.url('/chat'))),
    );
    const idsOf = async () => {
      const answers = await Promise.all(connections.map((client) => client.ask('who')));
      return answers.map((answer) => (answer as Who).data.connectionId);
    };
    const ids = await idsOf();
    expect(new Set(ids).size).toBe(10);
    await deployment.join(b);
    expect(await a.drain()).toEqual(drained(10));
    expect(await idsOf()).toEqual(ids);
  });
});
