import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { RawData, WebSocket } from 'ws';
import { connect } from './support/client.js';
import { start } from './support/harness.js';
import { expectationOf } from './support/subject.js';
import { subjects } from './support/subjects.js';

const MEBIBYTE = 1_048_576;

describe.each(subjects)('messages on $name', (subject) => {
  /** Sends every message back as it came: text as text, binary as binary. */
  @WebSocketGateway({
    path: '/raw',
    // The library's own default is a mebibyte, while that of ws is a hundred.
    ...expectationOf(subject, { stock: { maxPayload: MEBIBYTE }, both: {}, split: {} }),
  })
  class RawGateway {
    handleConnection(client: WebSocket): void {
      client.on('message', (data: RawData, isBinary: boolean) => {
        client.send(data, { binary: isBinary });
      });
    }
  }

  const rawClient = async () => connect((await start(subject, [RawGateway])).url('/raw'));

  it('passes text and binary both ways', async () => {
    const client = await rawClient();
    const bytes = randomBytes(300);
    client.socket.send('text');
    client.socket.send(bytes);
    client.socket.send(new Uint8Array([1, 2, 3]).buffer);
    client.socket.send(new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 3));
    expect(await client.next()).toMatchObject({ text: 'text', isBinary: false });
    const binaries = [bytes, Buffer.from([1, 2, 3]), Buffer.from([1, 2])];
    for (const expected of binaries) {
      const { data, isBinary } = await client.next();
      expect(isBinary).toBe(true);
      expect(data.equals(expected)).toBe(true);
    }
  });

  it('sends what ws can send', async () => {
    @WebSocketGateway({ path: '/sends' })
    class SendsGateway {
      @SubscribeMessage('send')
      send(@ConnectedSocket() client: WebSocket): void {
        client.send('text');
        client.send(Buffer.from('buffer'));
        client.send(new TextEncoder().encode('-view-').subarray(1, 5));
        client.send(new TextEncoder().encode('array buffer').buffer);
        client.send(new Uint16Array([0x4241, 0x4443]));
        client.send(42);
        client.send(Buffer.from('as text'), { binary: false });
        client.send('as binary', { binary: true });
        client.send('compressed?', { compress: true, fin: true }, () => client.send('last'));
      }
    }
    const client = await connect((await start(subject, [SendsGateway])).url('/sends'));
    client.emit('send');
    const expected = [
      ['text', false],
      ['buffer', true],
      ['view', true],
      ['array buffer', true],
      ['ABCD', true],
      ['42', false],
      ['as text', false],
      ['as binary', true],
      ['compressed?', false],
      ['last', false],
    ];
    for (const frame of expected) {
      const { text, isBinary } = await client.next();
      expect([text, isBinary]).toEqual(frame);
    }
  });

  it('gives binary messages in the form of binaryType', async () => {
    const forms = ['nodebuffer', 'arraybuffer', 'fragments'] as const;
    const describeData = (data: RawData): string => {
      if (Array.isArray(data)) {
        return `array ${Buffer.concat(data).toString()}`;
      }
      return data instanceof ArrayBuffer
        ? `ArrayBuffer ${Buffer.from(data).toString()}`
        : `Buffer ${data.toString()}`;
    };
    @WebSocketGateway({ path: '/forms' })
    class FormsGateway {
      handleConnection(client: WebSocket): void {
        client.send(client.binaryType);
        let index = 0;
        client.on('message', (data: RawData, isBinary: boolean) => {
          client.send(`${isBinary} ${describeData(data)}`);
          client.binaryType = forms[(index += 1) % forms.length];
        });
      }
    }
    const client = await connect((await start(subject, [FormsGateway])).url('/forms'));
    expect(await client.next()).toMatchObject({ text: 'nodebuffer' });
    for (const form of ['Buffer', 'ArrayBuffer', 'array', 'Buffer']) {
      client.socket.send(Buffer.from('bytes'));
      expect((await client.next()).text).toBe(`true ${form} bytes`);
    }
    client.socket.send('text');
    expect((await client.next()).text).toBe('false Buffer text');
  });

  it('parses a binary message as JSON like a text one', async () => {
    @WebSocketGateway({ path: '/json' })
    class JsonGateway {
      @SubscribeMessage('echo')
      echo(@MessageBody() body: unknown): unknown {
        return { body };
      }
    }
    const client = await connect((await start(subject, [JsonGateway])).url('/json'));
    client.socket.send(Buffer.from(JSON.stringify({ event: 'echo', data: 'é' })));
    expect(await client.next()).toMatchObject({ json: { body: 'é' }, isBinary: false });
  });

  it('passes empty messages', async () => {
    const client = await rawClient();
    client.socket.send('');
    client.socket.send(Buffer.alloc(0));
    expect(await client.next()).toMatchObject({ text: '', isBinary: false });
    expect(await client.next()).toMatchObject({ text: '', isBinary: true });
  });

  it('passes every kind of character', async () => {
    const client = await rawClient();
    const texts = [
      'zażółć gęślą jaźń',
      '漢字かな',
      '👩🏽‍🚀🏳️‍🌈',
      '\u0000\u007f\u2028\ufeff',
      'a\r\nb',
      '𐍈'.repeat(999),
    ];
    for (const text of texts) {
      client.socket.send(text);
      expect((await client.next()).text).toBe(text);
    }
  });

  it('passes a mebibyte and closes with 1009 above it', async () => {
    const client = await rawClient();
    for (const message of [randomBytes(MEBIBYTE), 'x'.repeat(MEBIBYTE)]) {
      client.socket.send(message);
      const { data, isBinary } = await client.next();
      expect(isBinary).toBe(typeof message !== 'string');
      expect(data.equals(Buffer.from(message))).toBe(true);
    }
    client.socket.send(Buffer.alloc(MEBIBYTE + 1));
    expect((await client.closed).code).toBe(1009);
    expect(client.inbox).toEqual([]);
  });

  it('limits a message in fragments as a whole', async () => {
    const client = await rawClient();
    client.socket.send(Buffer.alloc(MEBIBYTE), { fin: false });
    client.socket.send(Buffer.alloc(1), { fin: true });
    expect((await client.closed).code).toBe(1009);
    expect(client.inbox).toEqual([]);
  });

  it('delivers a message in fragments whole and once, with pings between them', async () => {
    const client = await rawClient();
    const ponged = async (data: string): Promise<void> => {
      const pong = once(client.socket, 'pong');
      client.socket.ping(data);
      expect(String((await pong)[0])).toBe(data);
    };
    client.socket.send('frag', { fin: false });
    await ponged('first');
    client.socket.send('', { fin: false });
    client.socket.send('men', { fin: false });
    await ponged('second');
    expect(client.inbox).toEqual([]);
    client.socket.send('ted', { fin: true });
    client.socket.send(Buffer.from([1]), { fin: false });
    client.socket.send(Buffer.from([2]), { fin: true });
    client.socket.send('whole');
    expect(await client.next()).toMatchObject({ text: 'fragmented', isBinary: false });
    const { data, isBinary } = await client.next();
    expect([...data, isBinary]).toEqual([1, 2, true]);
    expect(await client.next()).toMatchObject({ text: 'whole' });
    expect(client.inbox).toEqual([]);
  });

  it('closes with 1007 on text that is not UTF-8', async () => {
    const client = await rawClient();
    client.socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
    expect((await client.closed).code).toBe(1007);
  });
});
