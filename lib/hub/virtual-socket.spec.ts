import { describe, expect, it, vi } from 'vitest';
import { nextTurn, SocketFixture } from '../../test/support/virtual-socket-fixture.js';

describe('VirtualSocket sends', () => {
  it.each<[string, unknown, string, boolean]>([
    ['text', 'héllo', 'héllo', false],
    ['a number', 7, '7', false],
    ['a Buffer', Buffer.from('ab'), 'ab', true],
    ['a Uint8Array on a part of a buffer', Buffer.from('xaby').subarray(1, 3), 'ab', true],
    ['an ArrayBuffer', new Uint8Array([97, 98]).buffer, 'ab', true],
    ['a DataView', new DataView(new Uint8Array([97, 98]).buffer, 1), 'b', true],
    ['an array of bytes', [97, 98], 'ab', true],
    ['undefined', undefined, '', true],
    ['null', null, '', true],
  ])('%s as ws does', (_, data, text, binary) => {
    const { socket, sent } = new SocketFixture();
    socket.send(data);
    expect(sent).toEqual([{ data: text, binary }]);
  });

  it('with the option binary in both directions', () => {
    const { socket, sent } = new SocketFixture();
    socket.send('a', { binary: true });
    socket.send(Buffer.from('b'), { binary: false });
    expect(sent).toEqual([
      { data: 'a', binary: true },
      { data: 'b', binary: false },
    ]);
  });

  it('fragments as one message of the kind of the first', () => {
    const { socket, sent } = new SocketFixture();
    const done = vi.fn<(error?: Error) => void>();
    socket.send('a', { fin: false }, done);
    socket.send(Buffer.from('b'), { fin: false });
    expect(sent).toEqual([]);
    socket.send('c', { fin: true });
    socket.send('next');
    expect(sent).toEqual([
      { data: 'abc', binary: false },
      { data: 'next', binary: false },
    ]);
  });

  it('fragments whose buffers the application uses again', () => {
    const { socket, sent } = new SocketFixture();
    const buffer = Buffer.from('a');
    socket.send(buffer, { fin: false });
    buffer.write('b');
    socket.send(buffer);
    expect(sent).toEqual([{ data: 'ab', binary: true }]);
  });

  it('a message of the limit, and closes with 1009 above it', async () => {
    const { socket, sent, control, faults } = new SocketFixture({ maxMessageBytes: 4 });
    const done = vi.fn<(error?: Error) => void>();
    socket.send('éé');
    socket.send('éé5', done);
    expect(done).not.toHaveBeenCalled();
    await nextTurn();
    expect(done.mock.calls[0]![0]).toBeInstanceOf(Error);
    expect(sent).toEqual([{ data: 'éé', binary: false }]);
    expect(control).toMatchObject([{ code: 1009, reason: 'message too large' }]);
    expect(socket.readyState).toBe(socket.CLOSING);
    expect(String(faults[0]!.error)).toContain('hub.maxMessageBytes is 4');
    expect(faults[0]!.message).toContain('c1, which is closed with 1009');
  });

  it('no fragments without end: the limit counts them together', () => {
    const { socket, control } = new SocketFixture({ maxMessageBytes: 4 });
    socket.send('abc', { fin: false });
    expect(control).toEqual([]);
    socket.send('de', { fin: false });
    expect(control).toMatchObject([{ code: 1009 }]);
  });

  it('to a slow client until too much waits for it, then closes with 1013', async () => {
    const fixture = new SocketFixture({ retainedMessages: 1, maxBufferedBytes: 10 });
    const { socket, sent, control, faults } = fixture;
    const callbacks: (Error | undefined)[] = [];
    socket.send('12345', (error) => callbacks.push(error));
    socket.send('67890', (error) => callbacks.push(error));
    expect(socket.bufferedAmount).toBe(10);
    expect(sent).toHaveLength(1);
    socket.send('x', (error) => callbacks.push(error));
    await nextTurn();
    expect(callbacks.map((error) => error instanceof Error)).toEqual([true, true]);
    expect(control).toMatchObject([{ code: 1013, reason: 'client too slow' }]);
    expect(String(faults[0]!.error)).toContain('hub.maxBufferedBytes');
    fixture.taken(1);
    await nextTurn();
    expect(callbacks.at(-1)).toBeUndefined();
  });

  it('what waits once the client has taken what was sent before', () => {
    const fixture = new SocketFixture({ retainedMessages: 1 });
    for (const text of ['a', 'b', 'c']) fixture.socket.send(text);
    fixture.taken(1);
    fixture.taken(2);
    expect(fixture.sent.map(({ data }) => data)).toEqual(['a', 'b', 'c']);
    expect(fixture.socket.bufferedAmount).toBe(1);
  });

  it('and calls back once the client has taken the message, never within send', async () => {
    const fixture = new SocketFixture();
    const [first, second] = [vi.fn<(error?: Error) => void>(), vi.fn<(error?: Error) => void>()];
    fixture.socket.send('a', first);
    fixture.socket.send('b', {}, second);
    await nextTurn();
    expect(first).not.toHaveBeenCalled();
    fixture.taken(1);
    expect(first).not.toHaveBeenCalled();
    await nextTurn();
    expect(first.mock.calls).toEqual([[undefined]]);
    expect(second).not.toHaveBeenCalled();
  });

  it('and reports a callback that throws, without harm to the link', async () => {
    const fixture = new SocketFixture();
    fixture.socket.send('a', () => {
      throw new Error('my callback');
    });
    fixture.socket.send('b');
    fixture.taken(2);
    await nextTurn();
    expect(fixture.faults).toHaveLength(1);
    expect(String(fixture.faults[0]!.error)).toContain('my callback');
    expect(fixture.socket.bufferedAmount).toBe(0);
  });

  it('and a callback that sends again on every error does not recurse', async () => {
    const fixture = new SocketFixture();
    let calls = 0;
    const again = () => {
      if (++calls < 20_000) fixture.socket.send('x', again);
    };
    again();
    fixture.ends(1000);
    await vi.waitFor(() => expect(calls).toBe(20_000));
    expect(fixture.faults).toEqual([]);
  });
});
