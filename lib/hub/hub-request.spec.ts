import { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { hubRequest } from './hub-request.js';

const request = hubRequest({
  method: 'GET',
  url: '/chat?room=1',
  httpVersion: '1.1',
  rawHeaders: ['Host', 'a.example', 'Cookie', 'a=1', 'cookie', 'b=2', 'X-A', '1', 'x-a', '2'],
  remoteAddress: '10.0.0.1',
  remotePort: 4711,
  encrypted: true,
});

describe('hubRequest', () => {
  it('is an IncomingMessage with what the relay received', () => {
    expect(request).toBeInstanceOf(IncomingMessage);
    expect(request.method).toBe('GET');
    expect(request.url).toBe('/chat?room=1');
    expect([request.httpVersion, request.httpVersionMajor, request.httpVersionMinor]).toEqual([
      '1.1',
      1,
      1,
    ]);
    expect(request.rawHeaders).toHaveLength(10);
    expect(request.complete).toBe(true);
  });

  it('has the headers in both forms, parsed once', () => {
    expect({ ...request.headers }).toEqual({
      host: 'a.example',
      cookie: 'a=1; b=2',
      'x-a': '1, 2',
    });
    expect(request.headers).toBe(request.headers);
    expect({ ...request.headersDistinct }).toEqual({
      host: ['a.example'],
      cookie: ['a=1', 'b=2'],
      'x-a': ['1', '2'],
    });
  });

  it('has a socket with the address of the client', () => {
    expect(request.socket.remoteAddress).toBe('10.0.0.1');
    expect(request.connection).toBe(request.socket);
    expect(request.socket).toMatchObject({ remotePort: 4711, encrypted: true });
  });

  it('takes properties of the application, listeners, and a look by inspect', () => {
    Object.assign(request, { user: 'ada' });
    expect((request as unknown as { user: string }).user).toBe('ada');
    const listener = vi.fn<() => void>();
    request.on('close', listener);
    request.emit('close');
    expect(listener).toHaveBeenCalledTimes(1);
    expect(inspect(request)).toContain('/chat?room=1');
  });
});
