import { describe, expect, it } from 'vitest';
import { nextTurn, SocketFixture } from '../../test/support/virtual-socket-fixture.js';
import type { MessageCompletion } from './message-completion.js';

function spied() {
  const fixture = new SocketFixture();
  return { socket: fixture.socket, receive: (text: string) => fixture.receive(text) };
}

describe('VirtualSocket receives', () => {
  it('text and binary as ws emits them', () => {
    const fixture = new SocketFixture();
    const received: unknown[] = [];
    fixture.socket.on('message', (data: unknown) => received.push(data));
    fixture.receive('text');
    fixture.receive(Buffer.from('bin'), true);
    fixture.socket.binaryType = 'arraybuffer';
    fixture.receive(Buffer.from('xbiny').subarray(1, 4), true);
    fixture.receive('text');
    fixture.socket.binaryType = 'fragments';
    fixture.receive(Buffer.from('bin'), true);
    const bytes = Buffer.from('bin');
    expect(received).toEqual([
      Buffer.from('text'),
      bytes,
      new Uint8Array(bytes).buffer,
      Buffer.from('text'),
      [bytes],
    ]);
  });

  it('binary as its type asks, also where text is a string', () => {
    const { socket, link } = new SocketFixture();
    const seen: unknown[] = [];
    socket.onMessage((data) => seen.push(data));
    link.onData('text', false);
    link.onData(Buffer.from('bin'), true);
    socket.binaryType = 'arraybuffer';
    link.onData(Buffer.from('bin'), true);
    const bytes = Buffer.from('bin');
    expect(seen).toEqual(['text', bytes, new Uint8Array(bytes).buffer]);
  });

  it('for event targets too', () => {
    const { socket, link } = new SocketFixture();
    const seen: unknown[] = [];
    socket.client.onmessage = ({ data }) => seen.push(data);
    socket.client.addEventListener('message', ({ data }) => seen.push(data));
    link.onData('a', false);
    socket.client.onmessage = null;
    link.onData(Buffer.from('b'), true);
    expect(seen).toEqual(['a', 'a', Buffer.from('b')]);
  });

  it('text as strings while all listeners take them, else as ws emits it', () => {
    const { socket, receive } = spied();
    const seen: unknown[] = [];
    const takesText = (data: unknown) => seen.push(data);
    socket.onMessage(takesText);
    receive('a');
    const other = (data: unknown) => seen.push(data);
    socket.on('message', other);
    receive('b');
    socket.removeAllListeners('message');
    receive('c');
    socket.on('message', other);
    receive('d');
    socket.onMessage(takesText);
    receive('e');
    const bytes = ['b', 'b', 'd', 'e', 'e'].map((text) => Buffer.from(text));
    expect(seen).toEqual(['a', ...bytes]);
  });

  it.each(['off', 'removeListener'] as const)(
    'by no listener that was taken away by %s',
    (take) => {
      const { socket, receive } = spied();
      const seen: unknown[] = [];
      const takesText = () => seen.push('taken away');
      socket.onMessage(takesText);
      socket[take]('message', takesText);
      socket.on('message', (data) => seen.push(data));
      receive('x');
      expect(seen).toEqual([Buffer.from('x')]);
    },
  );

  it('and acknowledges when the listeners are through', () => {
    const fixture = new SocketFixture();
    const acknowledged: number[] = [];
    fixture.socket.on('message', () => acknowledged.push(fixture.acknowledged));
    fixture.receive('a');
    expect(acknowledged).toEqual([0]);
    expect(fixture.acknowledged).toBe(1);
  });

  it('and acknowledges in mode received when the listeners get it', () => {
    const fixture = new SocketFixture({ ack: 'received' });
    fixture.socket.on('message', () => fixture.socket.current!.begin());
    fixture.receive('a');
    expect(fixture.acknowledged).toBe(1);
  });

  it('and acknowledges when the last handler is done, and no sooner', () => {
    const fixture = new SocketFixture();
    const work: MessageCompletion[] = [];
    fixture.socket.on('message', () => {
      for (let i = 0; i < 2; i++) {
        work.push(fixture.socket.current!);
        fixture.socket.current!.begin();
      }
    });
    fixture.receive('a');
    expect(fixture.socket.current).toBeUndefined();
    fixture.askToMove();
    expect(fixture.said).toEqual(['MigrateConnectionProgress']);
    work[0]!.end();
    expect(fixture.acknowledged).toBe(0);
    expect(fixture.control.length).toBe(1);
    work[1]!.end();
    expect(fixture.acknowledged).toBe(1);
    expect(fixture.control.slice(1)).toMatchObject([{ ready: true, handled: 1 }]);
  });

  it('and reports a listener that throws; the message counts as handled', () => {
    const fixture = new SocketFixture();
    fixture.socket.on('message', () => {
      throw new Error('listener');
    });
    fixture.receive('a');
    fixture.receive('b');
    expect(fixture.faults).toHaveLength(2);
    expect(fixture.faults[0]!.message).toContain('A listener of connection c1 failed');
    expect(fixture.acknowledged).toBe(2);
    expect(fixture.socket.readyState).toBe(fixture.socket.OPEN);
  });
});

describe('VirtualSocket paused by the application', () => {
  it('keeps messages in order until it is resumed, unacknowledged', async () => {
    const fixture = new SocketFixture().record('message');
    fixture.socket.pause();
    expect(fixture.socket.isPaused).toBe(true);
    fixture.receive('a');
    fixture.receive('b');
    expect(fixture.events).toEqual([]);
    expect(fixture.acknowledged).toBe(0);
    fixture.socket.resume();
    fixture.receive('c');
    expect(fixture.events).toEqual([]);
    await nextTurn();
    expect(fixture.events.map(([, data]) => data)).toEqual(['a', 'b', 'c']);
    expect(fixture.acknowledged).toBe(3);
  });

  it('stops again in the middle', async () => {
    const fixture = new SocketFixture().record('message');
    fixture.socket.on('message', () => fixture.socket.pause());
    fixture.socket.pause();
    fixture.receive('a');
    fixture.receive('b');
    fixture.socket.resume();
    await nextTurn();
    expect(fixture.events).toHaveLength(1);
    fixture.socket.resume();
    await nextTurn();
    expect(fixture.events).toHaveLength(2);
  });

  it('moves at once; the other server gets what was kept', async () => {
    const fixture = new SocketFixture().record('message', 'close');
    fixture.receive('a');
    fixture.socket.pause();
    fixture.receive('b');
    fixture.askToMove();
    expect(fixture.control).toMatchObject([{ ready: true, handled: 1 }]);
    fixture.socket.resume();
    await nextTurn();
    expect(fixture.events).toHaveLength(1);
    fixture.moves('committed');
    await nextTurn();
    expect(fixture.events).toEqual([
      ['message', 'a', false],
      ['close', 1012, 'shutdown'],
    ]);
  });

  it('hands over what was kept when the migration does not happen', async () => {
    const fixture = new SocketFixture().record('message');
    fixture.socket.pause();
    fixture.receive('a');
    fixture.askToMove();
    fixture.socket.resume();
    await nextTurn();
    expect(fixture.events).toEqual([]);
    fixture.moves('rolledBack');
    fixture.receive('b');
    await nextTurn();
    expect(fixture.events.map(([, data]) => data)).toEqual(['a', 'b']);
  });

  it('hands over what was kept before it says that the client is gone', async () => {
    const fixture = new SocketFixture().record('message', 'close');
    fixture.socket.pause();
    fixture.receive('a');
    fixture.ends(1000);
    await nextTurn();
    expect(fixture.events).toEqual([]);
    const errors: string[] = [];
    fixture.socket.send('late', (error) => errors.push(String(error)));
    fixture.socket.resume();
    await nextTurn();
    expect(fixture.events).toEqual([
      ['message', 'a', false],
      ['close', 1000, ''],
    ]);
    expect(errors).toEqual(['Error: WebSocket is not open: readyState 3 (CLOSED)']);
  });

  it('is gone after terminate, without a resume', async () => {
    const fixture = new SocketFixture().record('message', 'close');
    fixture.socket.pause();
    fixture.receive('a');
    fixture.socket.terminate();
    fixture.ends(1006);
    await nextTurn();
    expect(fixture.events).toEqual([['close', 1006, '']]);
    expect(fixture.server.clients.size).toBe(0);
  });
});

describe('VirtualSocket that moves', () => {
  it('is closed with 1012 and says where it lives on', async () => {
    const fixture = new SocketFixture().record('close');
    fixture.askToMove(3);
    fixture.socket.send('while it moves');
    expect(fixture.sent).toEqual([]);
    fixture.moves('committed', 3);
    expect(fixture.sent).toEqual([{ data: 'while it moves', binary: false }]);
    expect(fixture.said).toEqual(['MigrateConnectionResponse', 'ConnectionReleased']);
    expect(fixture.socket.migration).toEqual({ to: 'hub-2', reason: 'shutdown', attempt: 3 });
    expect(Object.isFrozen(fixture.socket.migration)).toBe(true);
    await nextTurn();
    expect(fixture.events).toEqual([['close', 1012, 'shutdown']]);
  });

  it('takes a close by the application along', () => {
    const fixture = new SocketFixture();
    fixture.askToMove();
    fixture.socket.close(4000, 'done');
    fixture.moves('committed');
    expect(fixture.control.at(-1)).toMatchObject({ close: { code: 4000, reason: 'done' } });
  });

  it('forgets where it came from on a true disconnect', async () => {
    const fixture = new SocketFixture();
    fixture.socket.migration = { from: 'hub-0', reason: 'shutdown', attempt: 1 };
    fixture.ends(1000);
    await nextTurn();
    expect(fixture.socket.migration).toBeUndefined();
  });

  it('calls the callbacks of what was sent without an error', async () => {
    const fixture = new SocketFixture();
    const results: unknown[] = [];
    fixture.socket.send('a', (error) => results.push(error));
    fixture.askToMove();
    fixture.moves('committed');
    await nextTurn();
    expect(results).toEqual([]);
    fixture.letGo();
    await nextTurn();
    expect(results).toEqual([undefined]);
  });
});
