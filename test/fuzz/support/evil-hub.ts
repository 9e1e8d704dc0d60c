import type { Socket } from 'node:net';
import { readFrames } from '../../../lib/protocol/frames.js';
import { MessageType } from '../../../lib/protocol/messages.js';
import type { ControlMessage, HandshakeRequest } from '../../../lib/protocol/messages.js';
import { upgradeRequest } from '../../support/relay-fixture.js';
import type { Attack, Attacks, Outcome } from './assault.js';
import type { FuzzRandom } from './fuzz-random.js';
import {
  ackFrame,
  controlFrame,
  dataFrame,
  looseFrame,
  unknownFrames,
  unreadable,
  withOddField,
} from './session-strings.js';
import { SERVICE_PATH } from './site.js';
import { binaryFrame, closeFrame, frame } from './web-socket-bytes.js';
import type { ServerFrames } from './web-socket-bytes.js';

const MANY = 2 ** 32 - 1;
const PATH = '/evil';
export const EVIL_PATH = PATH;

const hello = (serverId: string): HandshakeRequest => ({
  type: MessageType.HandshakeRequest,
  version: 1,
  serverId,
  serverName: 'evil',
  appVersion: '6',
  endpoints: [{ port: 0, path: PATH }],
  keepAliveMs: 5000,
  deadAfterMs: 30_000,
});

/** Hub servers with a valid token that send batches of garbage. */
export class EvilHubs implements Attacks {
  /** Strings made. */
  made = 0;
  /** Ends without a code or reason that names the fault. */
  readonly unexplained: Outcome[] = [];
  readonly reasons = new Set<string>();

  /** @param tokens `Authorization` headers by serverId */
  constructor(
    private readonly random: FuzzRandom,
    private readonly limit: number,
    private readonly tokens: ReadonlyMap<string, string>,
  ) {}

  next(): Attack | undefined {
    if (this.made >= this.limit) return undefined;
    const [serverId, Authorization] = this.random.pick([...this.tokens]);
    const first = Buffer.from(upgradeRequest(SERVICE_PATH, { Authorization }));
    const ended = (outcome: Outcome) => this.check(outcome);
    const end = (socket: Socket, batches: Buffer[]) =>
      void socket.end(Buffer.concat([...batches, closeFrame(1000)]));
    if (this.random.chance(0.1)) {
      return {
        first,
        ended,
        upgraded: (socket) => end(socket, this.beforeHandshake(serverId)),
        received: () => {},
      };
    }
    let begun = false;
    return {
      first: Buffer.concat([first, binaryFrame(controlFrame(hello(serverId)))]),
      ended,
      upgraded: () => {},
      received: (frames, socket) => {
        if (begun) return;
        begun = true;
        end(socket, this.session(serverId, openedLinks(frames)));
      },
    };
  }

  private check(outcome: Outcome) {
    const { close } = outcome;
    if (close && close.code >= 4400) this.reasons.add(close.reason.replace(/\d+/g, '#'));
    const explained = close && (close.code === 1000 || (close.code < 4500 && close.reason !== ''));
    if (outcome.status !== 101 || !explained) this.unexplained.push(outcome);
  }

  private beforeHandshake(serverId: string): Buffer[] {
    const { random } = this;
    const valid = hello(serverId);
    const first = random.chance(0.5) ? [binaryFrame(this.string(unknownFrames(random)))] : [];
    const bad = random.pick([
      () => unreadable(random, controlFrame(valid)),
      () => withOddField(random, valid),
      () => controlFrame({ ...valid, version: random.int(2, 65_535) }),
      () => controlFrame({ ...valid, serverId: 'somebody else' }),
      () => controlFrame({ ...valid, deadAfterMs: 20 }),
      () => controlFrame(random.pick(this.messages(1))),
      () => dataFrame(1, random.bytes(10), 0),
    ])();
    return [...first, binaryFrame(this.string(bad))];
  }

  private session(serverId: string, links: number[]): Buffer[] {
    const { random } = this;
    const batches: Buffer[] = [];
    const open = links.filter(() => random.chance(0.9));
    for (const link of open) {
      batches.push(
        controlFrame({ type: MessageType.OpenConnectionResponse, link, accepted: true }),
      );
    }
    while (random.chance(0.87)) batches.push(this.string(this.harmless(open)));
    if (random.chance(0.05)) {
      const text = frame({ opcode: 1, payload: this.string(Buffer.from('text')) });
      return [...batches.map(binaryFrame), text];
    }
    batches.push(this.string(this.harmful(serverId, random.pick([1, ...links, MANY]))));
    return batches.map(binaryFrame);
  }

  /** One payload for some of the links, a few of them more than once. */
  private toMany(open: number[]): Buffer {
    const { random } = this;
    const binary = random.int(0, 1);
    const payload = random.bytes(random.int(0, 300));
    const again = Array.from({ length: random.int(1, 5) }, () =>
      dataFrame(random.pick(open), Buffer.alloc(0), binary | 4),
    );
    return Buffer.concat([dataFrame(random.pick(open), payload, binary), ...again]);
  }

  private harmless(open: number[]): Buffer {
    const { random } = this;
    const link = open.length > 0 ? random.pick(open) : undefined;
    if (link === undefined || random.chance(0.4)) {
      return random.pick([
        () => unknownFrames(random),
        () => Buffer.alloc(0),
        () => looseFrame(MessageType.Ping, random.int(0, MANY), { extra: random.int(0, MANY) }),
        () => controlFrame({ type: MessageType.Fin }),
        () => this.drain(random.int(0, 3000)),
      ])();
    }
    return random.pick([
      () => dataFrame(link, random.bytes(random.int(0, 300)), random.int(0, 1)),
      () => this.toMany(open),
      () => ackFrame(link, 0),
      () => controlFrame({ type: MessageType.ClientPing, link, data: random.bytes(20) }),
      () => controlFrame({ type: MessageType.ClientPong, link, data: random.bytes(125) }),
      () =>
        controlFrame({
          type: MessageType.CloseConnection,
          link,
          code: random.int(1000, 4999),
          reason: random.bytes(20).toString('latin1'),
        }),
    ])();
  }

  private harmful(serverId: string, link: number): Buffer {
    const { random } = this;
    const messages = this.messages(link);
    return random.pick([
      () => unreadable(random, controlFrame(random.pick(messages))),
      () => withOddField(random, random.pick(messages)),
      () => controlFrame(random.pick(messages)),
      () => Buffer.concat(messages.filter(() => random.chance(0.5)).map(controlFrame)),
      () => controlFrame(hello(serverId)),
      () => ackFrame(link, random.int(1, 1000), [2000, 2001]),
      () => dataFrame(random.pick([0, link, MANY]), random.bytes(10), 0),
    ])();
  }

  /** One of each message, allowed or not. */
  private messages(link: number): ControlMessage[] {
    const { random } = this;
    const attempt = random.int(0, 2);
    const sent = random.int(0, 3);
    const reason = 'fuzz';
    return [
      { type: MessageType.HandshakeResponse, version: 1, relayId: 'r' },
      { type: MessageType.FinAck },
      { type: MessageType.OpenConnectionResponse, link, accepted: random.chance(0.5), status: 418 },
      { type: MessageType.CloseConnection, link, code: random.int(1000, 4999), reason },
      { type: MessageType.ClientPing, link, data: random.bytes(5) },
      { type: MessageType.ClientPong, link, data: random.bytes(5) },
      {
        type: MessageType.MigrateConnectionRequest,
        link,
        kind: 'migrate',
        attempt,
        reason,
        deadlineMs: 1,
      },
      { type: MessageType.ConnectionClosed, link },
      {
        type: MessageType.MigrateConnectionResponse,
        link,
        attempt,
        ready: random.chance(0.5),
        handled: random.int(0, 3),
        received: random.int(0, 3),
        sent,
      },
      {
        type: MessageType.MigrateConnectionAck,
        link,
        attempt,
        outcome: 'committed',
        server: 's',
        reason,
        epoch: 2,
      },
      { type: MessageType.ConnectionReleased, link, attempt, sent, close: { code: 1000, reason } },
    ];
  }

  private drain(deadlineMs: number): Buffer {
    const endpoints = [{ port: 0, path: PATH }];
    return controlFrame({ type: MessageType.Drain, deadlineMs, endpoints });
  }

  private string(bytes: Buffer): Buffer {
    this.made++;
    return bytes;
  }
}

/** Links of clients that waited for a hub server. */
function openedLinks({ batches }: ServerFrames): number[] {
  const links: number[] = [];
  const receiver = {
    onData: () => {},
    onAck: () => {},
    onControl: (message: ControlMessage) => {
      if (message.type === MessageType.OpenConnection) links.push(message.link);
    },
  };
  for (const batch of batches) readFrames(batch, receiver, MANY);
  return links;
}
