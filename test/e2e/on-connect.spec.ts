import { describe, expect, it } from 'vitest';
import { connect, refusal } from '../conformance/support/client.js';
import { Deployment } from './support/deployment.js';

describe('a handleConnection() that throws', () => {
  it('costs only the client for which it throws', async () => {
    const deployment = await Deployment.start();
    const [a] = await deployment.hubs('a');
    const other = await connect(deployment.url('/chat'));
    const client = await connect(deployment.url('/chat?throw'));
    expect(await client.closed).toEqual({ code: 1011, reason: 'internal error' });
    expect(await other.ask('who')).toMatchObject({ data: { server: 'a' } });
    await a!.seen('disconnect');
    expect(a!.output).toContain('handleConnection failed for connection');
    expect(a!.exit).toBeUndefined();
  });
});

/** The application's decision about a client, before its upgrade is answered. */
describe('@OnConnect()', () => {
  it('lets clients in or refuses them with an HTTP status', async () => {
    const deployment = await Deployment.start({
      E2E_GATEWAYS: 'guarded',
      MIGRATION_HUB_CONNECT_HOOK_MS: '1500',
    });
    const [a] = await deployment.hubs('a');
    const refuse = (query: string) => refusal(deployment.url(`/guarded?${query}`));
    expect(await refuse('false')).toMatchObject({ status: 403 });
    expect(await refuse('refused')).toMatchObject({
      status: 402,
      body: expect.stringContaining('Pay first'),
    });
    expect(await refuse('unauthorized')).toMatchObject({
      status: 401,
      body: expect.stringContaining('No session'),
    });
    expect(await refuse('teapot')).toMatchObject({
      status: 418,
      body: expect.stringContaining('Short and stout'),
    });
    // What went wrong inside is for the log, not for strangers.
    const failed = await refuse('error');
    expect(failed).toMatchObject({ status: 500 });
    expect(JSON.stringify(failed)).not.toContain('secret of the database');
    expect(a!.output).toContain('secret of the database');
    // One that never ends is ended, with the hint to come back.
    const hanging = await refuse('hangs');
    expect(hanging).toMatchObject({ status: 503 });
    expect(hanging).toMatchObject({ headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
    expect(a!.eventsOf('connect')).toEqual([]);
    const stats = await deployment.stats();
    expect(stats.refused).toEqual({ 401: 1, 402: 1, 403: 1, 418: 1, 500: 1, 503: 1 });
    expect(stats.clients).toBe(0);

    const client = await connect(deployment.url('/guarded?void'), [], {
      headers: { Cookie: 'session=abc' },
    });
    expect(await client.ask('who')).toMatchObject({ data: { server: 'a' } });
    expect(a!.eventsOf('deciding').at(-1)).toMatchObject({
      url: '/guarded?void',
      cookie: 'session=abc',
      ip: '127.0.0.1',
    });
  });
});
