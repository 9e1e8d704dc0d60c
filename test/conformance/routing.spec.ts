import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { describe, expect, it } from 'vitest';
import type { WebSocket, WebSocketServer as Server } from 'ws';
import { connect, refusal, untilListening } from './support/client.js';
import { freePort } from './support/app.js';
import { start } from './support/harness.js';
import { expectationOf } from './support/subject.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('routing on $name', (subject) => {
  it('serves several gateways on one path as one', async () => {
    const log: string[] = [];
    @WebSocketGateway({ path: '/shared' })
    class FirstGateway {
      @WebSocketServer()
      server!: Server;

      handleConnection(): void {
        log.push('first +');
      }

      handleDisconnect(): void {
        log.push('first -');
      }

      @SubscribeMessage('one')
      one(): string {
        return 'one';
      }

      @SubscribeMessage('same')
      same(): string {
        return 'first';
      }
    }
    @WebSocketGateway({ path: '/shared' })
    class SecondGateway {
      @WebSocketServer()
      server!: Server;

      handleConnection(): void {
        log.push('second +');
      }

      handleDisconnect(_client: WebSocket, code: number): void {
        log.push(`second - ${code}`);
      }

      @SubscribeMessage('two')
      two(): string {
        return 'two';
      }

      @SubscribeMessage('same')
      same(): string {
        return 'second';
      }
    }
    @WebSocketGateway({ path: '/shared' })
    class ThirdGateway {
      @SubscribeMessage('three')
      three(): string {
        return 'three';
      }
    }
    const app = await start(subject, [FirstGateway, SecondGateway, ThirdGateway]);
    const client = await connect(app.url('/shared'));
    expect(await client.ask('one')).toBe('one');
    expect(await client.ask('two')).toBe('two');
    expect(await client.ask('three')).toBe('three');
    client.emit('same');
    expect((await client.take(2)).sort()).toEqual(['first', 'second']);
    const { server } = app.app.get(FirstGateway);
    expect(app.app.get(SecondGateway).server === server).toBe(true);
    expect(server.clients.size).toBe(1);
    await client.close(4002);
    // Once for each gateway and connection, whatever the number of gateways.
    const again = await connect(app.url('/shared'));
    expect(await again.ask('one')).toBe('one');
    expect(log.sort()).toEqual(
      ['first +', 'first +', 'first -', 'second +', 'second +', 'second - 4002'].sort(),
    );
    expect(client.inbox).toEqual([]);
  });

  it('keeps paths apart', async () => {
    @WebSocketGateway({ path: '/a' })
    class AGateway {
      @WebSocketServer()
      server!: Server;

      @SubscribeMessage('where')
      where(@MessageBody() body: unknown): unknown {
        return { at: 'a', body };
      }
    }
    @WebSocketGateway({ path: '/a/b' })
    class NestedGateway {
      @SubscribeMessage('where')
      where(): unknown {
        return { at: 'a/b' };
      }
    }
    @WebSocketGateway()
    class RootGateway {
      @SubscribeMessage('where')
      where(): unknown {
        return { at: 'root' };
      }
    }
    const app = await start(subject, [AGateway, NestedGateway, RootGateway]);
    const [a, nested, root, query] = await Promise.all(
      ['/a', '/a/b', '/', '/a?b=/a/b#'].map((path) => connect(app.url(path))),
    );
    expect(await a.ask('where', 1)).toEqual({ at: 'a', body: 1 });
    expect(await nested.ask('where')).toEqual({ at: 'a/b' });
    expect(await root.ask('where')).toEqual({ at: 'root' });
    expect(await query.ask('where', 2)).toEqual({ at: 'a', body: 2 });
    expect(app.app.get(AGateway).server.clients.size).toBe(2);
  });

  it.each(['slashed', '/slashed', 'slashed/', '/slashed/'])(
    'serves a gateway of path %j at /slashed only',
    async (path) => {
      @WebSocketGateway({ path })
      class SlashedGateway {
        @SubscribeMessage('fine')
        fine(): string {
          return 'fine';
        }
      }
      const app = await start(subject, [SlashedGateway]);
      expect(await (await connect(app.url('/slashed'))).ask('fine')).toBe('fine');
      await expectUnserved(app.url('/slashed/'));
    },
  );

  it('refuses paths without a gateway', async () => {
    @WebSocketGateway({ path: '/known' })
    class KnownGateway {
      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    const app = await start(subject, [KnownGateway]);
    await expectUnserved(app.url('/unknown'));
    await expectUnserved(app.url('/'));
    await expectUnserved(app.url('/known/more'));
    await expectUnserved(app.url('/Known'));
    expect(await (await connect(app.url('/known'))).ask('fine')).toBe('fine');
  });

  it('serves gateways with a port of their own, beside the app', async () => {
    const [port, barePort] = [await freePort(), await freePort()];
    @WebSocketGateway({ path: '/own' })
    class AppGateway {
      @SubscribeMessage('where')
      where(): string {
        return 'app';
      }
    }
    @WebSocketGateway(port, { path: '/own' })
    class PortGateway {
      @SubscribeMessage('where')
      where(): string {
        return 'port';
      }
    }
    @WebSocketGateway(port, { path: '/other' })
    class OtherGateway {
      @SubscribeMessage('where')
      where(): string {
        return 'other';
      }
    }
    @WebSocketGateway(barePort)
    class BareGateway {
      @SubscribeMessage('where')
      where(): string {
        return 'bare';
      }
    }
    const app = await start(subject, [AppGateway, PortGateway, OtherGateway, BareGateway]);
    await Promise.all([port, barePort].map((own) => untilListening(own)));
    const urls = {
      app: app.url('/own'),
      port: app.portUrl(port, '/own'),
      other: app.portUrl(port, '/other'),
      bare: app.portUrl(barePort, '/'),
    };
    for (const [where, url] of Object.entries(urls)) {
      expect(await (await connect(url)).ask('where')).toBe(where);
    }
    await expectUnserved(app.portUrl(port, '/unknown'));
    await expectUnserved(app.url('/other'));
    // Without a path an own port takes every path.
    expect(await (await connect(app.portUrl(barePort, '/any/path'))).ask('where')).toBe('bare');
    await app.close();
    await expect(refusal(urls.port)).resolves.toBe('destroyed');
  });

  /** Stock destroys the socket, and those of other libraries; ours says what is wrong. */
  async function expectUnserved(url: string): Promise<void> {
    const answer = await refusal(url);
    const status = answer === 'destroyed' ? answer : answer.status;
    const expected = { stock: 'destroyed', both: 404, split: 404 };
    expect(status).toBe(expectationOf<string | number>(subject, expected));
  }
});
