import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { MessageType } from '../../../lib/protocol/messages.js';
import type { ControlMessage } from '../../../lib/protocol/messages.js';
import { Tally } from './assault.js';
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
import { fatalFrame } from './web-socket-bytes.js';

const MANY = 2 ** 32 - 1;
const WELCOME: ControlMessage = {
  type: MessageType.HandshakeResponse,
  version: 1,
  relayId: 'evil',
};

/** A relay that welcomes hub servers and, while a storm lasts, sends them garbage. */
export class EvilRelay {
  /** Strings made. */
  made = 0;
  /** Service connections that were attacked. */
  attacked = 0;
  /** How hub servers ended the service connections. */
  readonly tally = new Tally();
  /** Ends without a code and reason that name the fault. */
  readonly unexplained: { code: number; reason: string }[] = [];
  private limit = 0;
  private calm: () => void = () => {};
  private readonly sockets = new Set<WebSocket>();
  private readonly http = createServer();
  private readonly server = new WebSocketServer({ noServer: true });

  constructor(private readonly random: FuzzRandom) {
    this.http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {});
      if (this.storming && this.random.chance(0.05)) {
        this.attacked++;
        socket.end(this.string(this.badAnswer()));
        return;
      }
      this.server.handleUpgrade(request, socket, head, (ws) => this.take(ws, socket as Socket));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.http.listen(0, '127.0.0.1', resolve));
    return `ws://127.0.0.1:${(this.http.address() as AddressInfo).port}/migration/service`;
  }

  /** Attacks every service connection until so many strings have been made. */
  async storm(strings: number): Promise<void> {
    this.limit = this.made + strings;
    const over = new Promise<void>((resolve) => (this.calm = resolve));
    for (const socket of this.sockets) socket.close(1001);
    await over;
  }

  stop(): void {
    for (const socket of this.sockets) socket.terminate();
    this.http.close();
  }

  private get storming() {
    return this.made < this.limit;
  }

  private take(ws: WebSocket, socket: Socket) {
    this.sockets.add(ws);
    let raw = false;
    ws.on('error', () => {});
    ws.once('message', () => {
      if (!this.storming) {
        ws.send(controlFrame(WELCOME));
        return;
      }
      this.attacked++;
      raw = this.attack(ws, socket);
      if (!this.storming) this.calm();
    });
    ws.on('close', (code, reason) => {
      this.sockets.delete(ws);
      this.tally.add(`closed ${code}`);
      const explained = raw || code === 1001 || (code < 4500 && reason.length > 0);
      if (!explained) this.unexplained.push({ code, reason: reason.toString() });
    });
  }

  /** @returns whether the fault was one of the WebSocket */
  private attack(ws: WebSocket, socket: Socket): boolean {
    const { random } = this;
    if (random.chance(0.1)) {
      ws.send(this.string(this.beforeWelcome()));
      ws.close(1001);
      return false;
    }
    ws.send(controlFrame(WELCOME));
    let link = 0;
    while (random.chance(0.87)) {
      if (link === 0 || random.chance(0.2)) ws.send(this.string(this.open(++link)));
      ws.send(this.string(this.harmless(random.int(1, link))));
    }
    if (random.chance(0.1)) {
      socket.end(this.string(fatalFrame(random)));
      return true;
    }
    if (random.chance(0.05)) ws.send(this.string(random.bytes(20)).toString('latin1'));
    else ws.send(this.string(this.harmful(random.pick([0, 1, link, link + 1, MANY]))));
    ws.close(1001);
    return false;
  }

  private badAnswer(): Buffer {
    const { random } = this;
    return random.pick([
      () => random.bytes(random.int(1, 200)),
      () => Buffer.from(`HTTP/1.1 ${random.int(100, 999)} Odd\r\n\r\n`),
      () => Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'),
      () => Buffer.from('HTTP/1.1 401 No\r\nContent-Length: 9999999\r\n\r\nwhy\nnot\u0007'),
      () => Buffer.alloc(0),
    ])();
  }

  private beforeWelcome(): Buffer {
    const { random } = this;
    return random.pick([
      () => unreadable(random, controlFrame(WELCOME)),
      () => withOddField(random, WELCOME),
      () => looseFrame(MessageType.HandshakeResponse, 0, { version: 2, relayId: 'r' }),
      () => controlFrame({ type: MessageType.Ping }),
      () => this.open(1),
      () => dataFrame(1, random.bytes(3), 0),
    ])();
  }

  private open(link: number): Buffer {
    return controlFrame(this.opening(link));
  }

  private opening(link: number): ControlMessage {
    const { random } = this;
    const text = random.bytes(random.int(0, 40)).toString('latin1');
    return {
      type: MessageType.OpenConnection,
      link,
      connectionId: `c${link}`,
      epoch: random.int(1, Number.MAX_SAFE_INTEGER),
      port: 0,
      path: random.chance(0.9) ? '/chat' : `/${text}`,
      request: {
        method: 'GET',
        url: random.chance(0.5) ? '/chat' : text,
        httpVersion: '1.1',
        rawHeaders: random.chance(0.5) ? ['Host', 'a'] : [text, text, 'odd'],
        remoteAddress: text,
        remotePort: random.int(0, 65_535),
        encrypted: random.chance(0.5),
      },
      inbound: random.chance(0.5) ? 0 : random.int(0, Number.MAX_SAFE_INTEGER),
      ...(random.chance(0.3) && { migration: { server: text, reason: text, attempt: 1 } }),
    };
  }

  private harmless(link: number): Buffer {
    const { random } = this;
    const text = JSON.stringify({ event: 'echo', data: random.int(0, 9) });
    return random.pick([
      () => unknownFrames(random),
      () => Buffer.alloc(0),
      () => controlFrame({ type: MessageType.Ping }),
      () => controlFrame({ type: MessageType.FinAck }),
      () => dataFrame(link, Buffer.from(text), 0),
      () => dataFrame(link, random.bytes(random.int(0, 200)), random.int(0, 1)),
      () => ackFrame(link, 0),
      () => controlFrame({ type: MessageType.ClientPong, link, data: random.bytes(9) }),
    ])();
  }

  private harmful(link: number): Buffer {
    const { random } = this;
    const messages = this.messages(link);
    return random.pick([
      () => unreadable(random, controlFrame(random.pick(messages))),
      () => withOddField(random, random.pick(messages)),
      () => controlFrame(random.pick(messages)),
      () => Buffer.concat(messages.filter(() => random.chance(0.5)).map(controlFrame)),
      () => ackFrame(link, random.int(1, 1000), [2000, 2001]),
      () => dataFrame(link, random.bytes(10), 0),
    ])();
  }

  private messages(link: number): ControlMessage[] {
    const { random } = this;
    const attempt = random.int(0, 2);
    const reason = 'fuzz';
    const server = 's';
    return [
      WELCOME,
      this.opening(link),
      { type: MessageType.Fin },
      { type: MessageType.Drain, deadlineMs: 5, endpoints: [] },
      { type: MessageType.CloseConnection, link, code: random.int(1000, 4999), reason },
      {
        type: MessageType.MigrateConnectionRequest,
        link,
        kind: random.pick(['migrate', 'reroute'] as const),
        attempt,
        reason,
        deadlineMs: 5,
      },
      {
        type: MessageType.MigrateConnectionAck,
        link,
        attempt,
        outcome: random.chance(0.5) ? 'committed' : 'rolledBack',
        server,
        reason,
        epoch: 9,
      },
      {
        type: MessageType.MigrateConnectionAck,
        link,
        attempt,
        outcome: 'committed',
        server,
        reason,
        epoch: random.int(1, 9),
        connectionId: String(link),
        received: random.int(0, 3),
      },
      { type: MessageType.ConnectionReleased, link, attempt, sent: 0 },
    ];
  }

  private string(bytes: Buffer): Buffer {
    this.made++;
    return bytes;
  }
}
