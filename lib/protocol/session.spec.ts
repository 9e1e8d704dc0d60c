import { describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../../test/simulation/virtual-clock.js';
import { ProtocolError, ServiceCloseCode } from './errors.js';
import { HubSession } from './hub-session.js';
import { InProcessTransport } from './in-process-transport.js';
import { MessageType, PROTOCOL_VERSION } from './messages.js';
import type { ControlMessage, HandshakeRequest } from './messages.js';
import { RelaySession } from './relay-session.js';
import type { LinkEnd } from './session.js';
import type { Transport, TransportReceiver } from './transport.js';

const spy = () => vi.fn<(...args: unknown[]) => void>();

/** Keeps what is sent, and closes when it is told to. */
class RecordingTransport implements Transport {
  receiver: TransportReceiver | undefined;
  readonly sent: (ControlMessage | { data: string } | { ack: number[] })[] = [];
  closed: { code: number; reason: string } | undefined;
  flushes = 0;

  data(_link: number, data: string | Buffer): void {
    this.sent.push({ data: data.toString() });
  }
  ack(_link: number, count: number, ranges: readonly number[]): void {
    this.sent.push({ ack: [count, ...ranges] });
  }
  control(message: ControlMessage): void {
    this.sent.push(message);
  }
  flush(): void {
    this.flushes++;
  }
  close(code: ServiceCloseCode, reason: string): void {
    this.closed = { code, reason };
    this.receiver?.onClosed(code, reason);
  }
  /** Hands over a message as a transport does: faults go to the receiver. */
  receive(deliver: (receiver: TransportReceiver) => void): void {
    try {
      this.receiver!.onBatch();
      deliver(this.receiver!);
    } catch (error) {
      this.receiver!.onFault(error);
    }
  }
  receiveControl(message: ControlMessage): void {
    this.receive((receiver) => receiver.onControl(message));
  }
}

const HELLO: HandshakeRequest = {
  type: MessageType.HandshakeRequest,
  version: PROTOCOL_VERSION,
  serverId: 'hub-1',
  serverName: 'hub',
  appVersion: '1',
  endpoints: [],
  keepAliveMs: 100,
  deadAfterMs: 150,
};

const UNKNOWN = { result: 'unknown', state: 'none', attempt: 0 } as const;

function relaySide(authenticatedAs?: string) {
  const clock = new VirtualClock();
  const transport = new RecordingTransport();
  const owner = {
    relayId: 'relay-1',
    sessionId: 'session-1',
    authenticatedAs,
    established: spy(),
    fin: spy(),
    drain: spy(),
    ended: spy(),
    fault: spy(),
    reclaim: spy(),
    command: () => UNKNOWN,
  };
  const session = new RelaySession(transport, clock, 1000, owner);
  return { clock, transport, owner, session };
}

function establishedRelay() {
  const all = relaySide();
  all.transport.receiveControl(HELLO);
  const end = { onData: spy(), onAck: spy(), onMessage: spy(), onLost: spy() };
  return { ...all, end: end satisfies LinkEnd };
}

describe("a relay's session", () => {
  it('answers the handshake', () => {
    const { owner, session, transport } = establishedRelay();
    expect(transport.sent).toEqual([
      { type: MessageType.HandshakeResponse, version: PROTOCOL_VERSION, relayId: 'relay-1' },
    ]);
    expect(owner.established).toHaveBeenCalledWith(session, HELLO);
    expect([session.open, session.serverId]).toEqual([true, 'hub-1']);
  });

  it('ends when there is no handshake within the limit', () => {
    const { clock, owner, transport } = relaySide();
    clock.run(999);
    expect(transport.closed).toBeUndefined();
    clock.run(1);
    expect(transport.closed?.code).toBe(ServiceCloseCode.HandshakeTimeout);
    expect(owner.ended).toHaveBeenCalledTimes(1);
    expect(clock.timers.size).toBe(0);
  });

  it.each([
    ['another version', { ...HELLO, version: 2 }, 'UnsupportedVersion', 'this relay speaks 1'],
    ['another identity', { ...HELLO, serverId: 'x' }, 'Conflict', 'another server'],
    ['a short limit', { ...HELLO, deadAfterMs: 100 }, 'BadField', 'greater than keepAliveMs'],
    ['no handshake', { type: MessageType.Ping }, 'OutOfOrder', 'the first message'],
  ] as const)('refuses %s', (_, message, code, reason) => {
    const { owner, transport } = relaySide('hub-1');
    transport.receiveControl(message);
    expect(transport.closed?.code).toBe(ServiceCloseCode[code]);
    expect(transport.closed?.reason).toContain(reason);
    expect(owner.established).not.toHaveBeenCalled();
  });

  it('refuses data before the handshake', () => {
    const { transport } = relaySide();
    transport.receive((receiver) => receiver.onData(1, 'x', false));
    expect(transport.closed?.code).toBe(ServiceCloseCode.OutOfOrder);
  });

  it('answers each FIN', () => {
    const { owner, transport } = establishedRelay();
    transport.receiveControl({ type: MessageType.Fin });
    transport.receiveControl({ type: MessageType.Fin });
    expect(owner.fin).toHaveBeenCalledTimes(2);
    expect(transport.sent.slice(1)).toEqual([
      { type: MessageType.FinAck },
      { type: MessageType.FinAck },
    ]);
  });

  it('pings when it has sent nothing for a while, and not when it has', () => {
    const { clock, transport, session, end } = establishedRelay();
    const pings = () => transport.sent.filter((it) => 'type' in it && it.type === MessageType.Ping);
    const link = session.bind(end);
    for (let i = 0; i < 10; i++) {
      clock.run(60);
      transport.receiveControl({ type: MessageType.Ping });
      session.sendData(link, 'x', false);
      clock.after(0, () => undefined);
      clock.run(0);
    }
    expect(pings()).toHaveLength(0);
    clock.run(99);
    transport.receiveControl({ type: MessageType.Ping });
    clock.run(2);
    expect(pings()).toHaveLength(1);
  });

  it('keeps a peer alive that only pings, though the limit is little above the interval', () => {
    const clock = new VirtualClock();
    const [atRelay, atHub] = InProcessTransport.pair();
    const ended = spy();
    const nothing = spy();
    const owner = {
      established: nothing,
      ended,
      fault: nothing,
      reclaim: nothing,
      rebindLink: nothing,
      moveLink: nothing,
      connectionsGone: nothing,
      migrationAnswered: nothing,
    };
    const relayOwner = {
      ...owner,
      relayId: 'r',
      sessionId: 's',
      fin: nothing,
      drain: nothing,
      command: () => UNKNOWN,
    };
    const relay = new RelaySession(atRelay, clock, 1000, relayOwner);
    const hubOwner = { ...owner, finAcknowledged: nothing, openLink: nothing };
    const times = { ...HELLO, handshakeTimeoutMs: 1000 };
    const hub = new HubSession(atHub, clock, times, HELLO, hubOwner);
    clock.after(0, nothing);
    clock.run(10_000);
    expect([relay.open, hub.open]).toEqual([true, true]);
    expect(ended).not.toHaveBeenCalled();
    atHub.close(ServiceCloseCode.Normal, '');
    expect(ended).toHaveBeenCalledTimes(2);
    expect(clock.timers.size).toBe(0);
  });

  it('ends when nothing is heard, at the limit', () => {
    const { clock, transport, session, end } = establishedRelay();
    session.bind(end);
    clock.run(149);
    expect(transport.closed).toBeUndefined();
    clock.run(1);
    expect(transport.closed?.code).toBe(ServiceCloseCode.Silent);
    expect(end.onLost).toHaveBeenCalledTimes(1);
    expect(clock.timers.size).toBe(0);
  });

  it('drops and counts what comes for a link that ended', () => {
    const { transport, session, end } = establishedRelay();
    const link = session.bind(end);
    transport.receive((receiver) => receiver.onData(link, 'x', false));
    session.release(link);
    transport.receive((receiver) => receiver.onData(link, 'y', false));
    transport.receive((receiver) => receiver.onAck(link, 1, []));
    expect(end.onData).toHaveBeenCalledTimes(1);
    expect([session.staleFrames, session.open]).toEqual([2, true]);
  });

  it.each([0, 2, 0xffffffff])('refuses link %i, which was never given out', (link) => {
    const { transport, session, end } = establishedRelay();
    session.bind(end);
    transport.receive((receiver) => receiver.onData(link, 'x', false));
    expect(transport.closed?.code).toBe(ServiceCloseCode.UnknownLink);
    expect(end.onLost).toHaveBeenCalledTimes(1);
  });

  it('refuses a message that is not for a relay', () => {
    const { transport } = establishedRelay();
    transport.receiveControl({ type: MessageType.FinAck });
    expect(transport.closed?.code).toBe(ServiceCloseCode.OutOfOrder);
  });

  it('reports a fault of its own and closes without telling details', () => {
    const { owner, transport, session, end } = establishedRelay();
    end.onData.mockImplementation(() => {
      throw new TypeError('secret');
    });
    transport.receive((receiver) => receiver.onData(session.bind(end), 'x', false));
    expect(owner.fault).toHaveBeenCalledTimes(1);
    expect(transport.closed).toEqual({ code: ServiceCloseCode.Internal, reason: 'internal fault' });
  });

  it('writes acknowledgements behind the data of a turn, in one flush', () => {
    const { clock, transport, session, end } = establishedRelay();
    clock.after(0, () => {
      const link = session.bind(end);
      session.scheduleAck({ writeAck: () => session.sendAck(link, 3, []) });
      session.sendData(link, 'x', false);
    });
    clock.run(0);
    expect(transport.sent.slice(1)).toEqual([{ data: 'x' }, { ack: [3] }]);
    expect(transport.flushes).toBe(1);
  });

  it.each([
    ['with the data that leaves near the end of their time', [2, 7, 8, 9], 8],
    ['at the end of their time when no such data leaves', [2, 7], 10],
  ])('writes acknowledgements that may wait %s', (_, sentAt, writtenAt) => {
    const { clock, transport, session, end } = establishedRelay();
    const link = session.bind(end);
    const written: number[] = [];
    const source = { writeAck: () => void written.push(clock.now()) };
    const start = clock.now();
    clock.after(0, () => session.scheduleAck(source, true));
    clock.run(0);
    const before = transport.flushes;
    clock.after(1, () => session.scheduleAck(source, true));
    for (const ms of sentAt) clock.after(ms, () => session.sendData(link, 'x', false));
    clock.run(start + 30);
    expect(written).toEqual([start + writtenAt, start + writtenAt]);
    const flushes = new Set([...sentAt, writtenAt]).size;
    expect(transport.flushes - before).toBe(flushes);
  });

  it('has each of them wait as long, with no timer when none waits', () => {
    const { clock, transport, session, end } = establishedRelay();
    const link = session.bind(end);
    const written: number[] = [];
    const source = { writeAck: () => void written.push(clock.now() - start) };
    const [start, timers] = [clock.now(), clock.timers.size];
    for (const ms of [0, 9]) clock.after(ms, () => session.scheduleAck(source, true));
    clock.after(8, () => session.sendData(link, 'x', false));
    clock.run(start + 9);
    const before = transport.flushes;
    expect([written, clock.timers.size]).toEqual([[8], timers + 1]);
    clock.run(start + 30);
    expect([written, clock.timers.size]).toEqual([[8, 19], timers]);
    expect(transport.flushes).toBe(before + 1);
  });

  it('splits an acknowledgement with too many ranges', () => {
    const { transport, session } = establishedRelay();
    const ranges = Array.from({ length: 300 }, (_, i) => 10 + i);
    session.sendAck(1, 5, ranges);
    const acks = transport.sent.slice(1).map((it) => ('ack' in it ? it.ack : []));
    expect(acks.map((ack) => ack.length)).toEqual([129, 129, 45]);
    expect(acks.flatMap((ack) => ack.slice(1))).toEqual(ranges);
  });
});

describe("a hub server's session", () => {
  function hubSide() {
    const clock = new VirtualClock();
    const transport = new RecordingTransport();
    const owner = {
      established: spy(),
      finAcknowledged: spy(),
      openLink: spy(),
      ended: spy(),
      fault: spy(),
      rebindLink: spy(),
      moveLink: spy(),
      connectionsGone: spy(),
      migrationAnswered: spy(),
    };
    const { type: _, version: __, ...hello } = HELLO;
    const times = { keepAliveMs: 100, deadAfterMs: 150, handshakeTimeoutMs: 1000 };
    const session = new HubSession(transport, clock, times, hello, owner);
    return { clock, owner, session, transport };
  }
  const ANSWER = { type: MessageType.HandshakeResponse, version: 1, relayId: 'relay-1' } as const;
  const open = (link: number) =>
    ({ type: MessageType.OpenConnection, link }) as unknown as ControlMessage;

  it('begins with the handshake', () => {
    const { owner, session, transport } = hubSide();
    expect(transport.sent).toEqual([HELLO]);
    transport.receiveControl(ANSWER);
    expect(owner.established).toHaveBeenCalledWith(session, 'relay-1');
  });

  it('passes on what came of a command', () => {
    const { owner, session, transport } = hubSide();
    transport.receiveControl(ANSWER);
    const type = MessageType.MigrationAnswer;
    const answer = { type, request: 1, result: 'ok', state: 'requested', attempt: 1 } as const;
    transport.receiveControl(answer);
    expect(owner.migrationAnswered).toHaveBeenCalledWith(session, answer);
  });

  it.each([
    MessageType.MigrationCommand,
    MessageType.Checkpoint,
    MessageType.MigrateConnectionProgress,
  ])('refuses a message that is for the relay: type %i', (type) => {
    const { transport } = hubSide();
    transport.receiveControl(ANSWER);
    transport.receiveControl({ type, link: 1 } as unknown as ControlMessage);
    expect(transport.closed).toMatchObject({ code: ServiceCloseCode.OutOfOrder });
  });

  it('refuses a relay of another version', () => {
    const { transport } = hubSide();
    transport.receiveControl({ ...ANSWER, version: 9 });
    expect(transport.closed?.code).toBe(ServiceCloseCode.UnsupportedVersion);
  });

  it('refuses a link number that does not rise', () => {
    const { owner, transport } = hubSide();
    transport.receiveControl(ANSWER);
    transport.receiveControl(open(5));
    transport.receiveControl(open(5));
    expect(owner.openLink).toHaveBeenCalledTimes(1);
    expect(transport.closed?.code).toBe(ServiceCloseCode.OutOfOrder);
  });

  it('ends once, whatever happens', () => {
    const { clock, owner, session, transport } = hubSide();
    session.end(ServiceCloseCode.GoingAway, 'bye');
    session.end(ServiceCloseCode.Normal, 'again');
    session.onFault(new ProtocolError(ServiceCloseCode.BadFrame, 'late'));
    expect(transport.closed).toEqual({ code: ServiceCloseCode.GoingAway, reason: 'bye' });
    expect(owner.ended).toHaveBeenCalledTimes(1);
    expect(clock.timers.size).toBe(0);
  });
});
