import { describe, expect, it } from 'vitest';
import { FrameCounter, maskedFrame, PING, serverFrame, TEXT } from './frames.js';

const answer = serverFrame('{"event":"echo","data":"xxxxxxxx"}');
const ping = Buffer.concat([Buffer.from([PING, 9]), Buffer.from('{payload}')]);
const long = Buffer.concat([Buffer.from([TEXT, 126, 1, 0]), Buffer.from(`40${'x'.repeat(254)}`)]);

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
    const others: unknown[] = [];
    const counter = new FrameCounter(answer, (...other) => others.push(other));
    let answers = 0;
    for (let at = 0; at < bytes.length; at += pieces) {
      answers += counter.count(bytes, at, Math.min(at + pieces, bytes.length));
    }
    return { answers, others };
  };

  it.each([1, 2, 3, 35, 36, 37, 1000])('counts answers cut into pieces of %i bytes', (pieces) => {
    const empty = Buffer.from([PING, 0]);
    const bytes = Buffer.concat([answer, answer, ping, answer, empty, long, answer]);
    expect(count(bytes, pieces)).toEqual({
      answers: 4,
      others: [
        [PING, '{p', 9],
        [PING, '', 0],
        [TEXT, '40', 256],
      ],
    });
  });

  it('does not count an answer that has not ended', () => {
    expect(count(Buffer.concat([answer, answer.subarray(0, -1)]), 1000).answers).toBe(1);
  });

  it('refuses a message of the length that ends in another way', () => {
    const other = Buffer.from(answer).fill('!', answer.length - 1);
    expect(() => count(other, 1000)).toThrow('another message');
  });
});
