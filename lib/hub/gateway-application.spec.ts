import { Logger } from '@nestjs/common';
import { EMPTY, NEVER, of, Subject, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nextTurn } from '../../test/support/virtual-socket-fixture.js';
import type { MigratableOptions } from '../gateway/decorators.js';
import type { HubClient } from '../gateway/hub-client.js';
import { HubLink } from '../protocol/hub-link.js';
import { MessageType } from '../protocol/messages.js';
import type { ControlMessage, OpenConnection } from '../protocol/messages.js';
import { EndpointPolicies } from './endpoint-policies.js';
import { GatewayApplication } from './gateway-application.js';
import type { ConnectHook } from './connect-checks.js';
import { MigrationWsAdapter } from './migration-ws.adapter.js';

const MIGRATION = { server: 'hub-1', reason: 'shutdown', attempt: 2 };

/** An application with one gateway; the test is the relay. */
class Fixture {
  readonly control: ControlMessage[] = [];
  readonly sent: string[] = [];
  readonly faults: string[] = [];
  readonly clients: HubClient[] = [];
  readonly adapter = new MigrationWsAdapter();
  readonly server;
  readonly application: GatewayApplication;
  link!: HubLink;
  handled = 0;

  constructor(
    options: Record<string, unknown> = {},
    hooks: ConnectHook[] = [],
    migratable: MigratableOptions = {},
  ) {
    this.server = this.adapter.create(0, { path: '/chat', ...options }) as unknown as {
      clients: Set<HubClient>;
      on(name: 'connection', listener: (client: HubClient, request: object) => void): void;
    };
    const gateway = {
      metatype: class {},
      name: 'Chat',
      endpoint: { port: 0, path: '/chat' },
      options: migratable,
      onConnect: hooks,
      onShutdown: [],
    };
    this.application = new GatewayApplication(
      this.adapter,
      new EndpointPolicies([gateway], {
        ack: 'handled',
        level: 'any',
        shutdown: 'migrateClients',
      }),
      { connectHookMs: 1000, maxMessageBytes: 1000, maxBufferedBytes: 1000 },
      (message, error) => void this.faults.push(`${message}: ${String(error)}`),
    );
    this.server.on('connection', (client) => void this.clients.push(client));
  }

  open(further: Partial<OpenConnection> = {}): this {
    const message: OpenConnection = {
      type: MessageType.OpenConnection,
      link: 1,
      connectionId: 'c1',
      epoch: 1,
      port: 0,
      path: '/chat',
      inbound: 0,
      request: {
        method: 'GET',
        url: '/chat',
        httpVersion: '1.1',
        rawHeaders: ['Sec-WebSocket-Protocol', 'v2, v1'],
        remoteAddress: '127.0.0.1',
        remotePort: 1,
        encrypted: false,
      },
      ...further,
    };
    this.application.open(message, (owner) => {
      const channel = {
        sendData: (_: number, data: unknown) => void this.sent.push(String(data)),
        sendAck: (_: number, count: number) => void (this.handled = count),
        sendControl: (it: ControlMessage) => void this.control.push(it),
        scheduleAck: (source: { writeAck(): void }) => source.writeAck(),
        release() {},
      };
      const limits = { retainedBytes: 1000, retainedMessages: 1000 };
      const host = { moveChanged() {}, linkEnded() {}, linkDetached() {}, linkForgotten() {} };
      this.link = new HubLink(channel, 1, message, 'handled', limits, host, owner);
      return this.link;
    });
    return this;
  }

  /** Binds one message handler to the client, as Nest does. */
  handle(callback: (data: unknown) => Observable<unknown>) {
    const handler = { message: 'm', methodName: 'm', callback, isAckHandledManually: false };
    this.adapter.bindMessageHandlers(
      this.clients[0],
      [handler as never],
      (result) => result as Observable<unknown>,
    );
  }

  /** A handler's result comes later. */
  async receive(data = '{"event":"m"}') {
    this.link.onData(data, false);
    await nextTurn();
  }
}

describe('a client that connects', () => {
  it('is accepted with the first subprotocol, then handed to the gateways', () => {
    const { control, clients, server } = new Fixture().open();
    expect(control).toMatchObject([{ accepted: true, protocol: 'v2' }]);
    expect(clients).toHaveLength(1);
    expect(clients[0]).toMatchObject({ connectionId: 'c1', migration: undefined, protocol: 'v2' });
    expect([...server.clients]).toEqual(clients);
  });

  it('is refused with 404 when no gateway has the path', () => {
    const { control, clients } = new Fixture().open({ path: '/other' });
    expect(control).toMatchObject([{ accepted: false, status: 404 }]);
    expect(clients).toEqual([]);
  });

  it('is decided about by the hooks first', async () => {
    const { control, clients } = new Fixture({}, [async () => false]).open();
    expect(control).toEqual([]);
    await nextTurn();
    expect(control).toMatchObject([{ accepted: false, status: 403 }]);
    expect(clients).toEqual([]);
  });

  it('is forgotten when it leaves while the hooks decide', async () => {
    const fixture = new Fixture({}, [async () => true]).open();
    fixture.link.onMessage({ type: MessageType.CloseConnection, link: 1, code: 1006, reason: '' });
    await nextTurn();
    expect(fixture.control).toMatchObject([{ type: MessageType.ConnectionClosed }]);
    expect(fixture.clients).toEqual([]);
    expect(fixture.server.clients.size).toBe(0);
  });

  it('is refused with 500 when handleProtocols throws: the others do not notice', async () => {
    const handleProtocols = () => {
      throw new Error('in handleProtocols');
    };
    const { control, faults } = new Fixture({ handleProtocols }).open();
    await nextTurn();
    expect(control).toMatchObject([{ accepted: false, status: 500 }]);
    expect(faults).toEqual([expect.stringContaining('of /chat failed')]);
  });

  it('is closed with 1011 when the gateway throws', () => {
    const fixture = new Fixture();
    fixture.server.on('connection', () => {
      throw new Error('in handleConnection');
    });
    fixture.open();
    expect(fixture.control).toMatchObject([{ accepted: true }, { code: 1011 }]);
    expect(fixture.faults).toEqual([expect.stringMatching(/c1; the client is closed with 1011/)]);
  });
});

describe('a client that comes from another hub server', () => {
  it('is handed to the gateways before it is accepted, and not asked about again', () => {
    const fixture = new Fixture({}, [() => false]);
    fixture.server.on('connection', (client) => {
      expect(fixture.control).toEqual([]);
      client.send('greeting');
    });
    fixture.open({ migration: MIGRATION, protocol: 'v1' });
    expect(fixture.clients[0]).toMatchObject({
      protocol: 'v1',
      migration: { from: 'hub-1', reason: 'shutdown', attempt: 2 },
    });
    expect(fixture.control).toMatchObject([{ accepted: true }]);
    expect(fixture.sent).toEqual(['greeting']);
  });

  it('stays there when the gateway throws; this gateway hears that it left', async () => {
    const fixture = new Fixture();
    fixture.server.on('connection', () => {
      throw new Error('in handleConnection');
    });
    fixture.open({ migration: MIGRATION });
    const [client] = fixture.clients;
    const closed: unknown[] = [];
    client!.on('close', (code) => closed.push(code, client!.migration));
    expect(fixture.control).toMatchObject([{ accepted: false, status: 500 }]);
    expect(fixture.faults).toEqual([
      expect.stringMatching(/from hub server hub-1; it stays there/),
    ]);
    await nextTurn();
    expect(closed).toEqual([1012, { to: 'hub-1', reason: 'rolledBack', attempt: 2 }]);
    expect(fixture.server.clients.size).toBe(0);
  });
});

describe('a message', () => {
  let logged: unknown[] = [];

  beforeEach(() => {
    logged = [];
    vi.spyOn(Logger.prototype, 'error').mockImplementation((...args) => void logged.push(args[0]));
  });
  afterEach(() => void vi.restoreAllMocks());

  it('is answered and handled when its Observable ends', async () => {
    const fixture = new Fixture().open();
    const results = new Subject();
    fixture.handle(() => results);
    await fixture.receive();
    results.next({ a: 1 });
    results.next(null);
    expect(fixture.sent).toEqual(['{"a":1}']);
    expect(fixture.handled).toBe(0);
    results.complete();
    expect(fixture.handled).toBe(1);
  });

  it.each<[string, () => Observable<unknown>]>([
    ['ends at once', () => of('x')],
    ['is empty', () => EMPTY],
    ['fails', () => throwError(() => new Error('x'))],
  ])('is handled when its Observable %s', async (_, callback) => {
    const fixture = new Fixture().open();
    fixture.handle(callback);
    await fixture.receive();
    expect(fixture.handled).toBe(1);
  });

  it.each(['not JSON', '{"event":"unknown"}', '{}', 'null'])(
    '%s is handled, by nobody',
    async (text) => {
      const fixture = new Fixture().open();
      fixture.handle(() => NEVER);
      await fixture.receive(text);
      expect(fixture.handled).toBe(1);
      expect(logged).toEqual([]);
    },
  );

  it('whose result cannot be sent is logged and costs nobody the connection', async () => {
    const fixture = new Fixture().open();
    fixture.handle(() => of(1n, 'next'));
    await fixture.receive();
    expect(logged).toEqual(['What a message handler returned cannot be sent to connection c1']);
    expect(fixture.sent).toEqual(['"next"']);
    expect(fixture.handled).toBe(1);
  });

  it('is let go of when the client is gone', async () => {
    const fixture = new Fixture().open();
    const results = new Subject();
    fixture.handle(() => results);
    await fixture.receive();
    expect(results.observed).toBe(true);
    fixture.link.onMessage({ type: MessageType.CloseConnection, link: 1, code: 1000, reason: '' });
    await nextTurn();
    expect(results.observed).toBe(false);
  });
});

describe('MigrationWsAdapter', () => {
  it('announces each endpoint once, with what the gateway asks for', () => {
    const asked = { maxPayload: 5, perMessageDeflate: true };
    const { adapter, application } = new Fixture(asked, [], { level: 'shutdownOnly' });
    adapter.create(0, { path: 'chat/' });
    adapter.create(81);
    expect(application.endpoints).toEqual([
      { port: 0, path: '/chat', level: 'shutdownOnly', maxPayload: 5, compress: true },
      { port: 81, path: '*', level: 'any' },
    ]);
  });

  it('says that namespaces are not for ws', () => {
    expect(() => new MigrationWsAdapter().create(0, { namespace: 'chat' })).toThrow(
      /namespace: 'chat'.*Use "path"/,
    );
  });

  it('closes its servers: each says so once, to all that ask', async () => {
    const { adapter, server } = new Fixture();
    const closed = vi.fn<() => void>();
    (server as unknown as { on(name: string, listener: () => void): void }).on('close', closed);
    await Promise.all([adapter.close(server as never), adapter.close(server as never)]);
    expect(closed).toHaveBeenCalledTimes(1);
  });
});
