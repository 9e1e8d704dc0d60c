import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { describe, expect, it } from 'vitest';
import { connect } from './support/client.js';
import { start } from './support/harness.js';
import type { MessageParser } from './support/subject.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('message parser on $name', (subject) => {
  @WebSocketGateway({ path: '/parsed' })
  class ParsedGateway {
    @SubscribeMessage('echo')
    echo(@MessageBody() body: unknown): unknown {
      return { body };
    }
  }

  const parsed = async (messageParser: MessageParser) =>
    connect((await start(subject, [ParsedGateway], { messageParser })).url('/parsed'));

  it('takes any framing, text and binary', async () => {
    const client = await parsed((data) => {
      const [event, body] = data.toString().split(' ');
      return { event, data: body };
    });
    client.socket.send('echo text');
    expect(await client.json()).toEqual({ body: 'text' });
    client.socket.send(Buffer.from('echo binary'));
    expect(await client.json()).toEqual({ body: 'binary' });
  });

  it('gets a string for text and a Buffer for binary', async () => {
    const kinds: string[] = [];
    const client = await parsed((data) => {
      kinds.push(Buffer.isBuffer(data) ? 'buffer' : typeof data);
      return JSON.parse(data.toString()) as { event: string; data: unknown };
    });
    const frame = JSON.stringify({ event: 'echo', data: 1 });
    client.socket.send(frame);
    client.socket.send(Buffer.from(frame));
    expect(await client.take(2)).toEqual([{ body: 1 }, { body: 1 }]);
    expect(kinds).toEqual(['string', 'buffer']);
  });

  it('drops a frame for which it returns nothing', async () => {
    const client = await parsed((data) =>
      data.toString().startsWith('#') ? undefined : { event: 'echo', data: data.toString() },
    );
    client.socket.send('# comment');
    client.socket.send('value');
    client.socket.send('# comment');
    client.socket.send('other');
    expect(await client.take(2)).toEqual([{ body: 'value' }, { body: 'other' }]);
    expect(client.inbox).toEqual([]);
  });

  it('goes on after it threw', async () => {
    const client = await parsed((data) => {
      if (data.toString() === 'bad') {
        throw new Error('cannot parse');
      }
      return { event: 'echo', data: data.toString() };
    });
    client.socket.send('bad');
    client.socket.send('good');
    client.socket.send('bad');
    client.socket.send('better');
    expect(await client.take(2)).toEqual([{ body: 'good' }, { body: 'better' }]);
    expect(client.inbox).toEqual([]);
  });
});
