import type { BatchContext } from '../../lib/gateway/batch/batch-context.js';
import { decodeContext, encodeContext } from '../../lib/gateway/state/context-codec.js';
import type { BatchRun } from '../../lib/hub/batch/batch-run.js';
import type { TaskHandler } from '../../lib/hub/batch/batch-task.js';
import { ConnectionBatches } from '../../lib/hub/batch/connection-batches.js';
import type { BatchClient, BatchSettings } from '../../lib/hub/batch/connection-batches.js';
import { GatewayBatches } from '../../lib/hub/batch/gateway-batches.js';
import type { ParsedMessage } from '../../lib/hub/batch/gateway-batches.js';
import { MessageCompletion } from '../../lib/hub/message-completion.js';
import { DEFAULT_ATTENTION } from '../../lib/options/index.js';
import type { AttentionFormat, UnresumableStreams } from '../../lib/options/index.js';
import type { HubLink } from '../../lib/protocol/hub-link.js';
import { nextTurn } from './virtual-socket-fixture.js';

/** A gateway's methods for one event. */
export interface BatchMethods {
  handle(batch: BatchContext, data: never): unknown;
  resume?(batch: BatchContext, cursor: never, data: never): unknown;
  /** Whether the method takes `@Batch()`. */
  isBatch?: boolean;
}

export interface BatchFixtureOptions {
  unresumable?: UnresumableStreams;
  attention?: AttentionFormat;
  roomBytes?: number;
  leavingRoomBytes?: number;
}

/** Lets every promise that is settled have its effects. */
export const settled = async (turns = 6): Promise<void> => {
  for (let i = 0; i < turns; i++) await nextTurn();
};

interface Inbound {
  readonly number: number;
  readonly text: string;
}

/** A client connection that moves between hub servers; the test is the relay. */
export class BatchFixture {
  /** What the client got. */
  readonly frames: unknown[] = [];
  readonly errors: unknown[] = [];
  server: BatchServer;
  /** What the client sent and no server has handled. */
  unhandled: Inbound[] = [];
  /** The context as the relay has it. */
  context: Uint8Array | undefined;
  private sent = 0;

  constructor(
    readonly methods: Record<string, BatchMethods>,
    readonly options: BatchFixtureOptions = {},
  ) {
    this.server = new BatchServer(this, undefined);
  }

  /** The client sends a message. */
  send(event: string, data?: unknown, id?: string | number): void {
    const text = JSON.stringify({ event, data, id });
    const message = { number: ++this.sent, text };
    this.unhandled.push(message);
    this.server.receive(message);
  }

  /** The connection is asked to move. */
  requestMove(): void {
    this.server.leaving = true;
    this.server.work.moveRequested();
  }

  /** The move is given up. */
  rollBack(): void {
    this.server.stays();
  }

  /** The connection, at which nothing is at work, goes to the next server. */
  async move(): Promise<void> {
    const { server } = this;
    if (!server.isIdle) throw new Error('a handler is at work');
    await this.goTo(server.departure ?? server.takeContext());
  }

  /** Asks to move, waits for the safe point, moves. */
  async deploy(): Promise<void> {
    this.requestMove();
    await settled();
    await this.move();
  }

  /** The server is lost; the next one gets what the relay has. */
  async crash(): Promise<void> {
    this.server.lost = true;
    await this.goTo(this.context);
  }

  /** The client leaves. */
  leave(): void {
    this.server.work.end('disconnected');
  }

  private async goTo(context: Uint8Array | undefined) {
    const old = this.server;
    this.server = new BatchServer(this, context);
    old.lost = true;
    old.work.end('moved');
    const { unhandled } = this;
    for (const message of unhandled) this.server.receive(message);
    await settled();
  }
}

/** A hub server's share of the connection. */
export class BatchServer implements BatchClient {
  readonly OPEN = 1;
  readonly CLOSED = 3;
  /** How often an acknowledgement was not to wait for the next checkpoint. */
  urgent = 0;
  readyState = 1;
  bufferedAmount = 0;
  lost = false;
  leaving = false;
  readonly work: ConnectionBatches;
  /** What goes to the next server: taken as soon as nothing is at work. */
  departure: Uint8Array | undefined;
  /** Callbacks of messages that the client has not taken. */
  readonly taken: (() => void)[] = [];
  private readonly gateway: GatewayBatches;
  private readonly handlers: Map<string, TaskHandler>;
  private atWork = 0;
  private waiting: Inbound[] = [];

  constructor(
    private readonly fixture: BatchFixture,
    context: Uint8Array | undefined,
  ) {
    const { options, methods, errors } = fixture;
    this.handlers = new Map(
      Object.entries(methods).map(([event, { resume, isBatch = true }]) => [
        event,
        { event, isBatch, resumable: resume !== undefined, returnsStreams: true },
      ]),
    );
    const settings: BatchSettings = {
      unresumable: options.unresumable ?? 'wait',
      attention: options.attention ?? DEFAULT_ATTENTION,
      attends: true,
      roomBytes: options.roomBytes ?? 1000,
      leavingRoomBytes: options.leavingRoomBytes ?? 5000,
      parse: (data) => JSON.parse(String(data)) as ParsedMessage,
      failed: (_, error) => void errors.push(error),
      stopFailed: (_, error) => void errors.push(error),
      notResumed: () => void errors.push('not resumed'),
    };
    const { batches = [], cancelled = [] } = context ? decodeContext(context) : {};
    const arrived = { batches, cancelled };
    this.work = new ConnectionBatches(this, settings, (error) => errors.push(error), arrived);
    this.gateway = new GatewayBatches(
      { ...settings, handlers: this.handlers },
      this.work,
      this.handlers,
      true,
      (message, _data, _completion, run) => this.call(message, run),
    );
  }

  get isIdle(): boolean {
    return this.atWork === 0;
  }

  send(text: string, done?: () => void): void {
    if (this.lost) throw new Error('a server sends that has no connection any more');
    this.fixture.frames.push(JSON.parse(text));
    if (done) this.taken.push(done);
  }

  contextChanged(): void {
    if (!this.lost) this.fixture.context = this.takeContext();
  }

  acknowledgeNow(): void {
    this.urgent++;
  }

  takeContext(): Uint8Array {
    const { pending: batches, cancelled } = this.work;
    return encodeContext({ batches, cancelled });
  }

  receive(message: Inbound): void {
    if (this.leaving) {
      this.waiting.push(message);
      this.work.attention(message.text, false);
    } else {
      this.dispatch(message);
    }
  }

  stays(): void {
    this.leaving = false;
    this.departure = undefined;
    this.work.stays();
    for (const message of this.waiting.splice(0)) this.dispatch(message);
  }

  private dispatch({ number, text }: Inbound) {
    const completion = new MessageCompletion(this.linkFor(), number);
    this.atWork++;
    this.gateway.take(JSON.parse(text) as ParsedMessage, text, completion);
    completion.dispatched();
  }

  private handlerIsDone() {
    if (--this.atWork === 0 && this.leaving) this.departure = this.takeContext();
  }

  private linkFor(): HubLink {
    const link: Partial<HubLink> = {
      connectionId: 'c1',
      dispatched: () => undefined,
      handled: (number) => {
        this.handlerIsDone();
        if (this.lost) return;
        this.contextChanged();
        this.fixture.unhandled = this.fixture.unhandled.filter((it) => it.number !== number);
      },
      suspended: () => this.handlerIsDone(),
      resumed: () => void this.atWork++,
    };
    return link as HubLink;
  }

  /** As Nest does: what a handler returns comes later. */
  private async call({ event, data }: ParsedMessage, run: BatchRun | undefined): Promise<unknown> {
    await Promise.resolve();
    const { handle, resume } = this.fixture.methods[event as string]!;
    if (!run) return handle(undefined as never, data as never);
    return run.read(
      run.resumed ? resume!(run, run.cursor as never, data as never) : handle(run, data as never),
    );
  }
}
