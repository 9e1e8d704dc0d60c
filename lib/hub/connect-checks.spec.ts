import { ForbiddenException, HttpException } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectionRefusedException } from '../gateway/connection-refused.exception.js';
import { decide, decidesAtOnce, protocolFor } from './connect-checks.js';
import type { ConnectHook } from './connect-checks.js';

const request = (headers: Record<string, string> = {}) =>
  ({ headers, socket: { encrypted: true } }) as unknown as IncomingMessage;

const ask = (
  options: object,
  hooks: ConnectHook[] = [],
  fault: (error: unknown) => void = () => {},
  asked = request(),
) => decide(options, hooks, asked, 1000, fault);

const refused = (status: number, reason: string, headers: string[] = []) => ({
  accepted: false,
  status,
  reason,
  headers,
});
const ACCEPTED = { accepted: true, protocol: '' };

afterEach(() => void vi.useRealTimers());

describe('@OnConnect() methods', () => {
  it.each([undefined, true, null, 0, ''])('accept by returning %s', async (answer) => {
    expect(await ask({}, [() => answer, async () => answer])).toEqual(ACCEPTED);
  });

  it('get the request', async () => {
    const hook = vi.fn<ConnectHook>();
    const asked = request();
    await ask({}, [hook], undefined, asked);
    expect(hook).toHaveBeenCalledWith(asked);
  });

  it('refuse with 403 by false, at once or later; the next ones are not asked', async () => {
    const next = vi.fn<ConnectHook>();
    expect(await ask({}, [() => false, next])).toEqual(refused(403, 'Forbidden'));
    expect(await ask({}, [async () => false, next])).toEqual(refused(403, 'Forbidden'));
    expect(next).not.toHaveBeenCalled();
  });

  it.each([
    [new ConnectionRefusedException(), 403, 'Forbidden'],
    [new ConnectionRefusedException(429, 'slow down'), 429, 'slow down'],
    [new ConnectionRefusedException(404, ''), 404, 'Not Found'],
    [new ConnectionRefusedException(499, ''), 499, 'Refused'],
    [new ConnectionRefusedException(200, 'no error'), 500, 'no error'],
    [new ForbiddenException('members only'), 403, 'members only'],
    [new HttpException('gone', 410), 410, 'gone'],
  ])('refuse with the status of %s', async (error, status, reason) => {
    const fault = vi.fn<(error: unknown) => void>();
    const thrown = () => {
      throw error;
    };
    expect(await ask({}, [thrown], fault)).toEqual(refused(status, reason));
    expect(await ask({}, [() => Promise.reject(error)], fault)).toEqual(refused(status, reason));
    expect(fault).not.toHaveBeenCalled();
  });

  it('refuse with 500 by another error, which is reported and not shown', async () => {
    const fault = vi.fn<(error: unknown) => void>();
    const error = new Error('password of the database');
    expect(await ask({}, [() => Promise.reject(error)], fault)).toEqual(
      refused(500, 'Internal Server Error'),
    );
    expect(fault).toHaveBeenCalledExactlyOnceWith(error);
  });

  it('refuse with a reason that fits into a message', async () => {
    const decision = await ask({}, [
      () => Promise.reject(new ConnectionRefusedException(400, 'x'.repeat(5000))),
    ]);
    expect(decision).toEqual(refused(400, 'x'.repeat(1024)));
  });

  it('have a limit; what they say after it is ignored', async () => {
    vi.useFakeTimers();
    const fault = vi.fn<(error: unknown) => void>();
    let fail: (error: Error) => void = () => {};
    const decision = ask({}, [() => new Promise((_, reject) => (fail = reject))], fault);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await decision).toEqual(refused(503, 'no decision within the limit'));
    expect(String(fault.mock.calls[0]![0])).toContain('1000 ms (hub.connectHookMs)');
    fail(new Error('later'));
    await vi.advanceTimersByTimeAsync(1);
    expect(fault).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leave no timer behind', async () => {
    vi.useFakeTimers();
    await ask({}, [() => true]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('verifyClient', () => {
  it('accepts, with what ws tells it', async () => {
    const verifyClient = vi.fn<(info: object) => boolean>(() => true);
    const asked = request({ origin: 'https://a.example' });
    expect(await ask({ verifyClient }, [], undefined, asked)).toEqual(ACCEPTED);
    expect(verifyClient).toHaveBeenCalledWith({
      origin: 'https://a.example',
      secure: true,
      req: asked,
    });
  });

  it('refuses with 401; the hooks are not asked', async () => {
    const hook = vi.fn<ConnectHook>();
    expect(await ask({ verifyClient: () => false }, [hook])).toEqual(refused(401, 'Unauthorized'));
    expect(hook).not.toHaveBeenCalled();
  });

  it('accepts by callback; then the hooks are asked', async () => {
    const verifyClient = (_: object, answer: (ok: boolean) => void) => setImmediate(answer, true);
    expect(await ask({ verifyClient }, [() => false])).toMatchObject({ status: 403 });
  });

  it('refuses by callback', async () => {
    const bare = (_: object, answer: (ok: boolean) => void) => answer(false);
    const full = (_: object, answer: (...args: unknown[]) => void) =>
      answer(false, 402, 'pay', { 'Retry-After': 5, 'X-Many': ['a', 'b'] });
    expect(await ask({ verifyClient: bare })).toEqual(refused(401, 'Unauthorized'));
    expect(await ask({ verifyClient: full })).toEqual(
      refused(402, 'pay', ['Retry-After', '5', 'X-Many', 'a', 'X-Many', 'b']),
    );
  });

  it('refuses with headers that fit into a message', async () => {
    const headers = { 'X-Long': 'x'.repeat(10_000), 'X-Many': Array<string>(100).fill('a') };
    const verifyClient = (_: object, answer: (...args: unknown[]) => void) =>
      answer(false, 403, '', headers);
    const decision = await ask({ verifyClient });
    const kept = decision.accepted ? [] : decision.headers;
    expect(kept).toHaveLength(64);
    expect(kept[1]).toHaveLength(8192);
  });

  it('refuses with 500 when it throws', async () => {
    const fault = vi.fn<(error: unknown) => void>();
    const throws = () => {
      throw new Error('x');
    };
    const throwsLate = (info: object, answer: unknown) => [info, answer, throws()];
    expect(await ask({ verifyClient: throws }, [], fault)).toMatchObject({ status: 500 });
    expect(await ask({ verifyClient: throwsLate }, [], fault)).toMatchObject({ status: 500 });
    expect(fault).toHaveBeenCalledTimes(2);
  });
});

describe('the subprotocol', () => {
  const offering = (text: string) => request({ 'sec-websocket-protocol': text });

  it('is the first that the client offers', () => {
    expect(protocolFor({}, offering('b, a'))).toBe('b');
    expect(protocolFor({}, request())).toBe('');
  });

  it('is chosen by handleProtocols, which gets a set and the request', () => {
    const handleProtocols = vi.fn<(offered: Set<string>) => string>((offered) => [...offered][1]!);
    const asked = offering('b, a');
    expect(protocolFor({ handleProtocols }, asked)).toBe('a');
    expect(handleProtocols).toHaveBeenCalledWith(new Set(['b', 'a']), asked);
    expect(protocolFor({ handleProtocols: () => false }, asked)).toBe('');
  });

  it('is none when it does not fit into a message', () => {
    expect(protocolFor({}, offering('x'.repeat(2000)))).toBe('');
  });

  it('is part of a decision; handleProtocols that throws refuses with 500', async () => {
    const handleProtocols = () => {
      throw new Error('x');
    };
    const fault = vi.fn<(error: unknown) => void>();
    const asked = offering('a');
    expect(await ask({}, [], fault, asked)).toEqual({ accepted: true, protocol: 'a' });
    expect(await ask({ handleProtocols }, [], fault, asked)).toMatchObject({ status: 500 });
    expect(fault).toHaveBeenCalledTimes(1);
  });
});

it('only an endpoint where the application has no say is decided at once', () => {
  expect(decidesAtOnce({}, [])).toBe(true);
  expect(decidesAtOnce({}, [() => true])).toBe(false);
  expect(decidesAtOnce({ verifyClient: () => true }, [])).toBe(false);
  expect(decidesAtOnce({ handleProtocols: () => false }, [])).toBe(false);
});
