import { describe, expect, it } from 'vitest';
import { FrameCounter, jsonMessage, maskedFrame } from './frames.js';

const message = jsonMessage('echo', 64);
const serverFrame = (first: number, payload: string) =>
  Buffer.concat([Buffer.from([first, payload.length]), Buffer.from(payload)]);
const text = serverFrame(0x81, message);
const ping = serverFrame(0x89, '{payload}');

describe('jsonMessage', () => {
  it('has the length and is what a gateway expects', () => {
    expect(Buffer.byteLength(message)).toBe(64);
    expect(JSON.parse(message)).toMatchObject({ event: 'echo', data: /^x+$/ });
  });

  it.each([20, 126])('refuses %i bytes', (bytes) => {
    expect(() => jsonMessage('echo', bytes)).toThrow('has 26 to 125 bytes');
  });
});

describe('maskedFrame', () => {
  it('is the example of RFC 6455, 5.7', () => {
    const frame = maskedFrame('text', 'Hello', [0x37, 0xfa, 0x21, 0x3d]);
    expect(frame.toString('hex')).toBe('818537fa213d7f9f4d5158');
  });

  it('may be empty', () => {
    expect(maskedFrame('pong', '', [1, 2, 3, 4])).toEqual(Buffer.from([0x8a, 0x80, 1, 2, 3, 4]));
  });

  it('refuses a payload that needs a longer header', () => {
    expect(() => maskedFrame('text', 'x'.repeat(126))).toThrow(RangeError);
  });
});

describe('FrameCounter', () => {
  const count = (bytes: Buffer, pieces: number) => {
    const counter = new FrameCounter(64);
    let messages = 0;
    for (let at = 0; at < bytes.length; at += pieces) {
      messages += counter.count(bytes, at, Math.min(at + pieces, bytes.length));
    }
    return { messages, pings: counter.takePings() };
  };

  it.each([1, 2, 3, 65, 66, 67, 1000])('counts messages cut into pieces of %i bytes', (pieces) => {
    const bytes = Buffer.concat([text, text, ping, text, serverFrame(0x89, ''), text]);
    expect(count(bytes, pieces)).toEqual({ messages: 4, pings: 2 });
  });

  it('does not count a message that has not ended', () => {
    expect(count(Buffer.concat([text, text.subarray(0, 65)]), 1000).messages).toBe(1);
  });

  it('takes pings once', () => {
    const counter = new FrameCounter(64);
    counter.count(ping, 0, ping.length);
    expect([counter.takePings(), counter.takePings()]).toEqual([1, 0]);
  });

  it.each([
    ['another length', serverFrame(0x81, '{}')],
    ['a close frame', serverFrame(0x88, '')],
    ['a binary frame', serverFrame(0x82, message)],
    ['a fragment', serverFrame(0x01, message)],
    ['text that is no object', serverFrame(0x81, 'x'.repeat(64))],
  ])('refuses %s', (_name, bytes) => {
    expect(() => count(bytes, 1000)).toThrow('the server sent');
  });
});
