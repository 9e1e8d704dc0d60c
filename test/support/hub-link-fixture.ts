import { vi } from 'vitest';
import type { Mock } from 'vitest';
import type { HubLinkHost, HubLinkOwner } from '../../lib/protocol/hub-link-owner.js';
import { HubLink } from '../../lib/protocol/hub-link.js';
import type { AckMode } from '../../lib/protocol/hub-link.js';
import { MessageType } from '../../lib/protocol/messages.js';
import type {
  ControlMessage,
  MigrateConnectionAckElsewhere,
  MigrationInfo,
  MoveKind,
  OpenConnection,
} from '../../lib/protocol/messages.js';
import type { AckSource, LinkChannel } from '../../lib/protocol/session.js';

export type Spy = Mock<(...args: unknown[]) => void>;
export const spy = (): Spy => vi.fn<(...args: unknown[]) => void>();

/** The link's OpenConnection: ten messages were handled elsewhere before. */
export const OPEN = {
  link: 7,
  connectionId: 'id',
  epoch: 1,
  port: 0,
  path: '/chat',
  inbound: 10,
} as OpenConnection;

/** A service connection that remembers what was sent on it. */
export class RecordingChannel implements LinkChannel {
  released = 0;
  private readonly sent: unknown[] = [];
  private readonly sources: AckSource[] = [];

  sendData(_link: number, data: string | Buffer): void {
    this.sent.push(data.toString());
  }
  sendAck(_link: number, count: number, ranges: readonly number[]): void {
    this.sent.push([count, ...ranges]);
  }
  sendControl(message: ControlMessage): void {
    const fields: Record<string, unknown> = { ...message };
    delete fields['type'];
    delete fields['link'];
    this.sent.push(fields);
  }
  scheduleAck(source: AckSource): void {
    this.sources.push(source);
  }
  release(): void {
    this.released++;
  }

  /** What was sent, the acknowledgements of this turn included. */
  take(): unknown[] {
    for (const source of this.sources.splice(0)) source.writeAck();
    return this.sent.splice(0);
  }
}

/** A hub server's link; the test is the relay and the application. */
export class HubLinkFixture {
  readonly channel = new RecordingChannel();
  /** Another service connection to the same relay. */
  next = new RecordingChannel();
  readonly owner = {
    holdsAcks: false,
    waitsFor: 'handlers',
    wantsFlow: false,
    deliver: spy(),
    messageHandled: spy(),
    moveRequested: spy(),
    depart: vi.fn<HubLinkOwner['depart']>((_, done) => done({})),
    pongReceived: spy(),
    closed: spy(),
    stays: spy(),
  };
  readonly host = {
    moveChanged: spy(),
    linkEnded: spy(),
    linkDetached: spy(),
    linkForgotten: spy(),
  };

  /** A link that the application has yet to accept. */
  newLink(
    ack: AckMode = 'handled',
    limits = { retainedBytes: 1000, retainedMessages: 3 },
    open = OPEN,
  ): HubLink {
    const { channel, host, owner } = this;
    const end: HubLinkHost = host;
    return new HubLink(channel, 7, open, ack, limits, end, owner);
  }

  openLink(ack?: AckMode): HubLink {
    const link = this.newLink(ack);
    link.accept('');
    this.channel.take();
    return link;
  }

  /** The relay goes on with the link on {@link next}, having received so many messages. */
  rebind(link: HubLink, received: number, epoch = 5): void {
    const { connectionId } = link;
    const type = MessageType.RebindConnection;
    link.rebind(this.next, { type, link: 3, connectionId, epoch, received });
  }

  /** How often the application heard of the end, and the host that nothing is left. */
  ends(): { closed: number; forgotten: number } {
    const { host, owner } = this;
    const [closed, forgotten] = [owner.closed, host.linkForgotten].map(
      (it) => it.mock.calls.length,
    );
    return { closed: closed!, forgotten: forgotten! };
  }
}

/** A message goes to its handlers. @returns its number */
export function handOver(link: HubLink): number {
  const number = link.delivered();
  link.dispatched(number);
  return number;
}

/** The relay asks the link to move. */
export const request = (link: HubLink, attempt = 1, kind: MoveKind = 'migrate') =>
  link.onMessage({
    type: MessageType.MigrateConnectionRequest,
    link: 7,
    kind,
    attempt,
    reason: 'shutdown',
    deadlineMs: 1000,
  });

/** The relay asks the link to go to another service connection. */
export const reroute = (link: HubLink, attempt = 1) => request(link, attempt, 'reroute');

/** The attempt is over, and the link stays on this service connection or ends on it. */
export const decide = (link: HubLink, outcome: 'committed' | 'rolledBack', attempt = 1) =>
  link.onMessage({
    type: MessageType.MigrateConnectionAck,
    link: 7,
    attempt,
    outcome,
    server: 'other',
    reason: 'why',
    epoch: 3,
  });

/** The attempt is over, and the link goes on with another service connection: the relay received so many. */
export const elsewhere = (
  received: number,
  server = 'hub',
  epoch = 5,
): MigrateConnectionAckElsewhere => ({
  type: MessageType.MigrateConnectionAck,
  link: 3,
  attempt: 1,
  outcome: 'committed',
  server,
  reason: 'why',
  epoch,
  connectionId: 'id',
  received,
});

/** The relay ends the link: truly, or since it has all that was sent before the connection left. */
export const end = (link: HubLink, code = 1000, migration?: MigrationInfo) =>
  link.onMessage({
    type: MessageType.CloseConnection,
    link: 7,
    code,
    reason: '',
    ...(migration && { migration }),
  });

export const MIGRATION: MigrationInfo = { server: 'other', reason: 'why', attempt: 1 };

/** What is said when the link cannot leave at once. */
export const waiting = (waitsFor = 'handlers', attempt = 1) => ({
  attempt,
  state: 'waiting',
  waitsFor,
});

/** A READY answer. */
export const ready = (handled: number, sent: number, attempt = 1, received = handled) => ({
  attempt,
  ready: true,
  handled,
  received,
  sent,
});
