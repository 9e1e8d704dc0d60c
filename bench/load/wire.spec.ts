import { describe, expect, it } from 'vitest';
import { MESSAGE_BYTES, wireOf } from './wire.js';

const textOf = (frame: Buffer) => {
  const mask = frame.subarray(2, 6);
  return Buffer.from(frame.subarray(6).map((byte, index) => byte ^ mask[index % 4]!)).toString();
};

describe('wireOf', () => {
  it.each(['ws', 'socket.io'] as const)('has answers of one length over %s', (framing) => {
    expect(wireOf(framing, 'echo').answer).toHaveLength(2 + MESSAGE_BYTES);
    expect(wireOf(framing, 'fanOut').answer).toEqual(wireOf(framing, 'echo').answer);
  });

  it('asks a gateway for what it answers', () => {
    const { request, answer, hello } = wireOf('ws', 'echo');
    expect(JSON.parse(textOf(request))).toEqual({
      event: 'echo',
      data: expect.stringMatching(/^x+$/),
    });
    expect(answer.subarray(2).toString()).toBe(textOf(request));
    expect(hello).toHaveLength(0);
  });

  it('speaks as a client of Socket.IO does', () => {
    const { path, request, hello } = wireOf('socket.io', 'fanOut');
    expect(path).toBe('/socket.io/?EIO=4&transport=websocket');
    expect(textOf(hello)).toBe('40');
    expect(textOf(request)).toMatch(/^42\["fanOut","x+"\]$/);
  });
});
