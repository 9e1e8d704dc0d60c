import { describe, expect, it } from 'vitest';
import { connect, eventually } from '../conformance/support/client.js';
import { AppProcess } from './support/app-process.js';
import { Deployment, drained } from './support/deployment.js';
import { NumberedClient, numbersTo } from './support/numbered-client.js';

const OLD = 'the-old-secret-of-these-tests-0123456789';
const NEW = 'the-new-secret-of-these-tests-0123456789';
const WRONG = 'another-secret-that-nobody-gave-the-relay';

const secrets = (...list: string[]) => ({ MIGRATION_SECURITY_SECRETS: list.join(',') });

describe('service connections', () => {
  it('need a secret that the relay knows; both sides say what is wrong, and never the secret', async () => {
    const deployment = await Deployment.start(secrets(OLD));
    const [a, stranger, nobody] = await Promise.all([
      deployment.prepare('a'),
      deployment.prepare('stranger', secrets(WRONG)),
      deployment.prepare('nobody', secrets()),
    ]);
    await deployment.join(a);
    const client = await connect(deployment.url('/chat'));
    const { relay } = deployment;
    await stranger.ask('start');
    await eventually(() => {
      expect(stranger.output).toContain('HTTP 401: the signature matches no configured key');
      expect(relay.output).toContain(
        'Service connection refused: the signature matches no configured key (from 127.0.0.1)',
      );
    });
    await nobody.ask('start');
    await eventually(() => {
      expect(nobody.output).toContain('HTTP 401: a bearer token is required');
    });
    const { servers } = await deployment.stats();
    expect(servers.map(({ serverName }) => serverName)).toEqual(['a']);
    expect(await client.ask('who')).toMatchObject({ data: { server: 'a' } });
    // It does not give up, but it ends when it is told to.
    expect(stranger.exit).toBeUndefined();
    expect(await stranger.drain()).toEqual(drained(0));
    expect(await stranger.exited).toEqual({ code: 0, signal: null });
    const output = [relay, a, stranger, nobody].map((it) => it.output).join('\n');
    for (const secret of [OLD, WRONG]) expect(output).not.toContain(secret);
    expect(output).not.toMatch(/eyJ[\w-]+\./);
  });

  it('change to a new secret without a client that notices', async () => {
    const deployment = await Deployment.start(secrets(NEW, OLD));
    const [a, b] = await Promise.all([
      deployment.prepare('a', secrets(OLD)),
      deployment.prepare('b', secrets(NEW)),
    ]);
    await deployment.join(a);
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => NumberedClient.connect(deployment.url('/chat'))),
    );
    for (const client of clients) client.start();
    await deployment.join(b);
    expect(await a.drain()).toEqual(drained(5));
    await eventually(() => {
      for (const { answers } of clients) expect(answers.at(-1)?.server).toBe('b');
    });
    for (const client of clients) client.stop();
    await eventually(() => {
      for (const { answers, sent } of clients) expect(answers.length).toBe(sent);
    });
    for (const { answers, sent, client } of clients) {
      expect(answers.map(({ n }) => n)).toEqual(numbersTo(sent));
      expect(client.socket.readyState).toBe(client.socket.OPEN);
    }
  });
});

describe('a relay that others can reach', () => {
  it('does not start without a secret', async () => {
    const relay = new AppProcess('relay', { MIGRATION_ROLE: 'relay', E2E_HOST: '0.0.0.0' });
    expect(await relay.exited).toEqual({ code: 1, signal: null });
    expect(relay.output).toContain(
      'The relay does not start: it would accept service connections on 0.0.0.0 from anybody',
    );
    expect(relay.output).toContain('MIGRATION_SECURITY_SECRETS');
    expect(relay.eventsOf('ready')).toEqual([]);
  });

  it('starts with one', async () => {
    const deployment = await Deployment.start({ ...secrets(OLD), E2E_HOST: '0.0.0.0' });
    await deployment.hubs('a');
    const client = await connect(deployment.url('/chat'));
    expect(await client.ask('who')).toMatchObject({ data: { server: 'a' } });
  });
});
