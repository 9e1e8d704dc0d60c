import { describe, expect, it, vi } from 'vitest';
import { nextTurn, SocketFixture } from '../../test/support/virtual-socket-fixture.js';

describe('VirtualSocket control frames', () => {
  it('pings and pongs with every form of arguments', async () => {
    const { socket, control } = new SocketFixture();
    const done = vi.fn<(error?: Error) => void>();
    socket.ping();
    socket.ping('a');
    socket.ping(done);
    socket.pong(Buffer.from('b'), done);
    socket.pong(5, true, done);
    await nextTurn();
    expect(done).toHaveBeenCalledTimes(3);
    expect(control.map((it) => ('data' in it ? Buffer.from(it.data).toString() : it))).toEqual([
      '',
      'a',
      '',
      'b',
      '5',
    ]);
  });

  it('take 125 bytes and no more', () => {
    const { socket, control } = new SocketFixture();
    socket.ping('x'.repeat(125));
    expect(() => socket.ping('x'.repeat(126))).toThrow(RangeError);
    expect(() => socket.pong('é'.repeat(63))).toThrow(RangeError);
    expect(control).toHaveLength(1);
  });

  it('emits pong; a listener that throws is reported', () => {
    const fixture = new SocketFixture().record('pong');
    fixture.socket.on('pong', () => {
      throw new Error('listener');
    });
    fixture.link.onMessage({ type: 0x34, link: 1, data: Buffer.from('p') });
    expect(fixture.events).toEqual([['pong', 'p']]);
    expect(fixture.faults).toHaveLength(1);
  });
});

describe('VirtualSocket closes', () => {
  it('with code and reason, once', () => {
    const { socket, control } = new SocketFixture();
    socket.close(4001, 'bye');
    socket.close(4002, 'again');
    expect(socket.readyState).toBe(socket.CLOSING);
    expect(control).toMatchObject([{ code: 4001, reason: 'bye' }]);
  });

  it('with a reason in a Buffer, and without a code', () => {
    const [a, b] = [new SocketFixture(), new SocketFixture()];
    a.socket.close(1000, Buffer.from('ok'));
    b.socket.close();
    expect(a.control).toMatchObject([{ code: 1000, reason: 'ok' }]);
    expect(b.control).toMatchObject([{ code: 1005, reason: '' }]);
  });

  it.each([999, 1004, 1005, 1006, 1015, 2999, 5000, 'x', 1000.5])(
    'not with the code %s, and stays open then',
    (code) => {
      const { socket, control } = new SocketFixture();
      expect(() => socket.close(code as number)).toThrow(TypeError);
      expect(socket.readyState).toBe(socket.OPEN);
      expect(control).toEqual([]);
    },
  );

  it('not with a reason above 123 bytes or of another type', () => {
    const { socket } = new SocketFixture();
    expect(() => socket.close(1000, 'é'.repeat(62))).toThrow(RangeError);
    expect(() => socket.close(1000, 5 as never)).toThrow(TypeError);
  });

  it('by terminate also while the closing handshake is under way', () => {
    const { socket, control } = new SocketFixture();
    socket.close(1000);
    socket.terminate();
    expect(control).toMatchObject([{ code: 1000 }, { code: 1006 }]);
  });

  it('and refuses what is sent later, by the callback only', async () => {
    const { socket, sent } = new SocketFixture();
    const errors: (Error | undefined)[] = [];
    socket.close(1000);
    socket.send('a');
    socket.send('b', (error) => errors.push(error));
    socket.ping((error?: Error) => errors.push(error));
    expect(errors).toEqual([]);
    await nextTurn();
    expect(errors.map(String)).toEqual(
      Array(2).fill('Error: WebSocket is not open: readyState 2 (CLOSING)'),
    );
    expect(sent).toEqual([]);
  });

  it('and tells so once, later, after it has left server.clients', async () => {
    const fixture = new SocketFixture().record('close');
    const { socket, server, events } = fixture;
    let known: boolean | undefined;
    socket.on('close', () => (known = server.clients.has(socket.client)));
    fixture.ends(1001, 'away');
    fixture.link.onLost(1006, 'gone');
    expect(events).toEqual([]);
    await nextTurn();
    expect(events).toEqual([['close', 1001, 'away']]);
    expect(known).toBe(false);
    expect(socket.readyState).toBe(socket.CLOSED);
    socket.terminate();
    socket.close();
    await nextTurn();
    expect(events).toHaveLength(1);
    expect(fixture.said).toEqual(['ConnectionClosed']);
  });

  it('never within a message event', async () => {
    const fixture = new SocketFixture();
    const order: string[] = [];
    fixture.socket.on('message', () => {
      order.push('message begins');
      fixture.ends(1006);
      order.push('message ends');
    });
    fixture.socket.on('close', () => order.push('close'));
    fixture.receive('x');
    await nextTurn();
    expect(order).toEqual(['message begins', 'message ends', 'close']);
  });

  it('with callbacks of what was not taken before its close event', async () => {
    const fixture = new SocketFixture();
    const order: string[] = [];
    fixture.socket.on('close', () => order.push('close'));
    fixture.socket.send('a', (error) => order.push(String(error)));
    fixture.ends(1006);
    await nextTurn();
    expect(order).toEqual([
      'Error: The connection was closed before the client took the message',
      'close',
    ]);
  });

  it('and reports a close listener that throws', async () => {
    const fixture = new SocketFixture();
    fixture.socket.on('close', () => {
      throw new Error('handleDisconnect');
    });
    fixture.ends(1000);
    await nextTurn();
    expect(fixture.faults.map(({ error }) => String(error))).toEqual(['Error: handleDisconnect']);
  });

  it('tells event targets whether it was clean', async () => {
    const events: unknown[] = [];
    for (const code of [1000, 1006]) {
      const fixture = new SocketFixture();
      fixture.socket.client.onclose = ({ code: seen, wasClean }) => events.push([seen, wasClean]);
      fixture.ends(code);
    }
    await nextTurn();
    expect(events).toEqual([
      [1000, true],
      [1006, false],
    ]);
  });
});
