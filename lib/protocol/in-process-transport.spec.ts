import { describe, expect, it } from 'vitest';
import { ServiceCloseCode } from './errors.js';
import { InProcessTransport } from './in-process-transport.js';
import { MessageType } from './messages.js';
import type { ControlMessage } from './messages.js';
import type { TransportReceiver } from './transport.js';

const PING: ControlMessage = { type: MessageType.Ping };
const { Normal, GoingAway, Internal } = ServiceCloseCode;

class Recorder implements TransportReceiver {
  readonly events: unknown[][] = [];
  /** Called with each event as it happens. */
  react: (name: string) => void = () => {};

  onBatch(): void {}
  onData(...args: unknown[]): void {
    this.record('data', ...args);
  }
  onAck(...args: unknown[]): void {
    this.record('ack', ...args);
  }
  onControl(...args: unknown[]): void {
    this.record('control', ...args);
  }
  onFault(...args: unknown[]): void {
    this.record('fault', ...args);
  }
  onClosed(...args: unknown[]): void {
    this.record('closed', ...args);
  }
  private record(name: string, ...args: unknown[]) {
    this.events.push([name, ...args]);
    this.react(name);
  }
}

function connected() {
  const [a, b] = InProcessTransport.pair();
  const [atA, atB] = [new Recorder(), new Recorder()];
  a.receiver = atA;
  b.receiver = atB;
  return { a, b, atA, atB };
}

const names = ({ events }: Recorder) => events.map(([name]) => name);

describe('InProcessTransport', () => {
  it('hands over what was queued at the flush, in order, as it is', () => {
    const { a, b, atA, atB } = connected();
    const bytes = Buffer.from('x');
    a.data(1, bytes, true, true);
    a.ack(1, 5, [7, 8]);
    a.control(PING);
    a.data(2, 'text', false, false);
    expect(atB.events).toEqual([]);
    a.flush();
    a.flush();
    expect(atB.events).toEqual([
      ['data', 1, bytes, true, true],
      ['ack', 1, 5, [7, 8]],
      ['control', PING],
      ['data', 2, 'text', false, false],
    ]);
    expect(atB.events[0]![2]).toBe(bytes);
    b.control(PING);
    b.flush();
    expect(names(atA)).toEqual(['control']);
  });

  it('hands over what is queued during a flush at the next one', () => {
    const { a, atB } = connected();
    atB.react = () => a.data(1, 'later', false);
    a.control(PING);
    a.flush();
    expect(names(atB)).toEqual(['control']);
    atB.react = () => {};
    a.flush();
    expect(names(atB)).toEqual(['control', 'data']);
  });

  it('reports a fault of a receiver to that receiver and goes on', () => {
    const { a, atA, atB } = connected();
    const error = new Error('in onData');
    atB.react = (name) => {
      if (name === 'data') throw error;
    };
    a.data(1, 'x', false);
    a.control(PING);
    a.flush();
    expect(atB.events.slice(1)).toEqual([
      ['fault', error],
      ['control', PING],
    ]);
    expect(atA.events).toEqual([]);
  });

  it('delivers nothing after a receiver has closed because of a fault', () => {
    const { a, b, atA, atB } = connected();
    atB.react = (name) => {
      if (name === 'data') throw new Error('x');
      if (name === 'fault') b.close(Internal, 'fault');
    };
    for (const text of ['x', 'y']) a.data(1, text, false);
    a.flush();
    expect(names(atB)).toEqual(['data', 'fault', 'closed']);
    expect(atA.events).toEqual([['closed', Internal, 'fault']]);
  });

  it.each(['a', 'b'] as const)('closes from the side %s: both learn of it once', (side) => {
    const ends = connected();
    ends[side].close(GoingAway, 'bye');
    ends.a.close(Normal, 'again');
    ends.b.close(Normal, 'again');
    for (const at of [ends.atA, ends.atB])
      expect(at.events).toEqual([['closed', GoingAway, 'bye']]);
  });

  it('hands over what was queued before it closes, and nothing later', () => {
    const { a, b, atA, atB } = connected();
    a.data(1, 'last words', false);
    a.close(Normal, '');
    a.data(1, 'too late', false);
    b.data(1, 'too late', false);
    a.flush();
    b.flush();
    expect(names(atB)).toEqual(['data', 'closed']);
    expect(names(atA)).toEqual(['closed']);
  });

  it('tells each side once when the last words make the other one close', () => {
    const { a, b, atA, atB } = connected();
    atB.react = (name) => {
      if (name === 'data') b.close(Internal, 'no');
    };
    a.data(1, 'last words', false);
    a.close(Normal, '');
    expect(names(atA)).toEqual(['closed']);
    expect(names(atB)).toEqual(['data', 'closed']);
  });
});
