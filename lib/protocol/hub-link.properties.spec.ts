import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Departure, HubLinkHost, HubLinkOwner, MoveRequest } from './hub-link-owner.js';
import { HubLink } from './hub-link.js';
import { MessageType } from './messages.js';
import type {
  ControlMessage,
  MigrateConnectionResponse,
  MoveKind,
  OpenConnection,
} from './messages.js';
import type { AckSource, LinkChannel } from './session.js';

const ACTIONS = [
  'data',
  'data',
  'hand over',
  'hand over',
  'handle',
  'handle',
  'suspend',
  'resume',
  'hold',
  'unhold',
  'save',
  'save',
  'flush',
  'flush',
  'ask',
  'ask again',
  'reroute',
  'last word',
  'refuse',
  'late word',
  'roll back',
  'commit',
  'lose',
  'rebind',
] as const;
type Action = (typeof ACTIONS)[number];

/** What each context has: the messages whose effects are in it. */
type Effects = Map<Uint8Array, ReadonlySet<number>>;

/** A service connection: what is written arrives with the next flush, if it is not lost before. */
class Wire implements LinkChannel {
  lost = false;
  private frames: (() => void)[] = [];
  private sources: AckSource[] = [];

  constructor(private readonly relay: Relay) {}

  sendData(): void {}
  sendAck(_link: number, count: number, ranges: readonly number[]): void {
    const list = [...ranges];
    this.frames.push(() => this.relay.onAck(count, list));
  }
  sendControl(message: ControlMessage): void {
    this.frames.push(() => this.relay.onControl(message));
  }
  scheduleAck(source: AckSource): void {
    this.sources.push(source);
  }
  release(): void {}

  /** Frames that are written and have not arrived. */
  get written(): number {
    return this.frames.length;
  }

  flush(): void {
    if (this.lost) return;
    for (const source of this.sources.splice(0)) source.writeAck();
    for (const frame of this.frames.splice(0)) frame();
  }
}

/** What a relay knows, and what it must never find. */
class Relay {
  context: Uint8Array | undefined;
  /** The attempt that is under way. */
  asked: { attempt: number; kind: MoveKind } | undefined;
  /** Its READY. */
  ready: MigrateConnectionResponse | undefined;
  private flow = false;
  readonly acknowledged = new Set<number>();
  readonly faults: string[] = [];

  constructor(private readonly effects: Effects) {}

  /** Whether messages of the client may be sent on. */
  get forwards(): boolean {
    return this.asked === undefined || this.flow;
  }

  ask(attempt: number, kind: MoveKind): void {
    this.asked = { attempt, kind };
  }

  /** The attempt is over. */
  settle(): void {
    this.asked = this.ready = undefined;
    this.flow = false;
  }

  onAck(count: number, ranges: readonly number[]): void {
    this.acknowledge(count, ranges, this.context, 'an acknowledgement');
  }

  onControl(message: ControlMessage): void {
    if (message.type === MessageType.Checkpoint) this.context = message.context;
    if (message.type === MessageType.MigrateConnectionProgress) {
      this.flow = message.attempt === this.asked?.attempt && message.flow === true;
    }
    if (message.type !== MessageType.MigrateConnectionResponse) return;
    if (message.attempt !== this.asked?.attempt) return;
    if (!message.ready) {
      this.settle();
      return;
    }
    this.ready = message;
    this.flow = false;
    const context = message.context ?? this.context;
    this.acknowledge(message.handled, [], context, 'READY');
  }

  private acknowledge(
    count: number,
    ranges: readonly number[],
    context: Uint8Array | undefined,
    what: string,
  ) {
    const known = context ? this.effects.get(context)! : new Set<number>();
    const check = (number: number) => {
      if (!known.has(number)) this.faults.push(`${what} of ${number} before its effects`);
      this.acknowledged.add(number);
    };
    for (let number = 1; number <= count; number++) check(number);
    for (let i = 0; i < ranges.length; i += 2) {
      for (let number = ranges[i]!; number <= ranges[i + 1]!; number++) check(number);
    }
  }
}

/** An application that keeps a state: what it has handled. */
class Run implements HubLinkOwner {
  readonly holdsAcks = true;
  readonly waitsFor = 'handlers';
  readonly wantsFlow = true;
  readonly faults: string[] = [];
  private readonly effects: Effects = new Map();
  private readonly relay = new Relay(this.effects);
  private wire = new Wire(this.relay);
  private readonly link: HubLink;
  private inbox = 0;
  private readonly running: number[] = [];
  private readonly suspended: number[] = [];
  private readonly handled = new Set<number>();
  private readonly unacknowledged: number[] = [];
  private holds = 0;
  private attempt = 0;
  private epoch = 1;
  private word: ((departure: Departure) => void) | undefined;
  private readonly oldWords: ((departure: Departure) => void)[] = [];
  private over = false;

  constructor() {
    const host: HubLinkHost = {
      moveChanged() {},
      linkDetached() {},
      linkEnded() {},
      linkForgotten() {},
    };
    const open = { link: 1, connectionId: 'c', epoch: 1, port: 0, path: '/', inbound: 0 };
    const limits = { retainedBytes: 1000, retainedMessages: 10 };
    const message = open as OpenConnection;
    this.link = new HubLink(this.wire, 1, message, 'handled', limits, host, this);
    this.link.accept('');
  }

  /** @returns what is not as it should be */
  through(actions: readonly Action[]): string[] {
    for (const action of actions) {
      if (this.over) break;
      this.take(action);
      this.check(action);
    }
    return [...this.faults, ...this.relay.faults];
  }

  deliver(): void {
    this.inbox++;
  }
  messageHandled(number: number): void {
    this.handled.add(number);
    this.unacknowledged.push(number);
  }
  pongReceived(): void {}
  moveRequested(): void {}

  depart(_: MoveRequest, done: (departure: Departure) => void): void {
    if (this.running.length > 0 || this.holds > 0) this.faults.push('asked to leave while at work');
    if (this.word) this.oldWords.push(this.word);
    this.word = done;
  }

  closed(): void {
    this.over = true;
    const left = new Set([...this.suspended, ...this.relay.acknowledged]);
    for (const number of this.handled) {
      if (!left.has(number)) this.faults.push(`${number} would be handled twice`);
    }
    for (const number of this.suspended) {
      if (this.relay.acknowledged.has(number)) this.faults.push(`${number} would be lost`);
    }
  }

  stays(): void {
    if (this.link.settling) this.faults.push('stays and settles');
  }

  private take(action: Action) {
    const { link, wire } = this;
    switch (action) {
      case 'data':
        if (!wire.lost && this.relay.forwards) link.onData('x', false);
        return;
      case 'hand over':
        if (this.inbox === 0 || link.settling) return;
        this.inbox--;
        this.running.push(link.delivered());
        link.dispatched(this.running.at(-1)!);
        return;
      case 'handle':
        this.takeRunning((number) => link.handled(number));
        return;
      case 'suspend':
        this.takeRunning((number) => {
          this.suspended.push(number);
          link.suspended(number);
        });
        return;
      case 'resume':
        if (this.suspended.length === 0 || link.settling) return;
        this.running.push(this.suspended.shift()!);
        link.resumed();
        return;
      case 'hold':
        this.holds++;
        link.hold();
        return;
      case 'unhold':
        if (this.holds === 0) return;
        this.holds--;
        link.unhold();
        return;
      case 'save':
        this.save();
        return;
      case 'flush':
        wire.flush();
        return;
      case 'ask':
        if (!this.relay.asked) this.request(++this.attempt, 'migrate');
        return;
      case 'ask again':
        if (this.relay.asked?.kind === 'migrate') this.request(this.attempt, 'migrate');
        return;
      case 'reroute':
        if (!this.relay.asked) this.request(++this.attempt, 'reroute');
        return;
      case 'last word': {
        if (!this.word || link.moveState !== 'ready') return;
        const context = this.save();
        this.word({ context });
        return;
      }
      case 'refuse':
        this.word?.({ refusal: 'cancelled' });
        return;
      case 'late word':
        this.sayLate();
        return;
      case 'roll back':
        if (wire.lost || !this.relay.asked) return;
        this.decide('rolledBack');
        this.relay.settle();
        return;
      case 'commit':
        wire.flush();
        if (wire.lost || !this.relay.ready || this.relay.asked?.kind !== 'migrate') return;
        this.decide('committed');
        return;
      case 'lose':
        wire.lost = true;
        link.onLost(1006, '');
        return;
      case 'rebind':
        this.rebind();
        return;
    }
  }

  private takeRunning(end: (number: number) => void) {
    const number = this.running.shift();
    if (number !== undefined) end(number);
  }

  private save(): Uint8Array {
    const context = Uint8Array.of(this.effects.size);
    this.effects.set(context, new Set(this.handled));
    this.link.checkpoint(context, true);
    for (const number of this.unacknowledged.splice(0)) this.link.acknowledge(number);
    return context;
  }

  private request(attempt: number, kind: MoveKind) {
    if (this.wire.lost) return;
    this.relay.ask(attempt, kind);
    const asked = { link: 1, kind, attempt, reason: 'why', deadlineMs: 1000 };
    this.link.onMessage({ type: MessageType.MigrateConnectionRequest, ...asked });
  }

  private decide(outcome: 'committed' | 'rolledBack') {
    this.link.onMessage({
      type: MessageType.MigrateConnectionAck,
      link: 1,
      attempt: this.attempt,
      outcome,
      server: 'other',
      reason: 'why',
      epoch: ++this.epoch,
    });
  }

  private rebind() {
    this.wire.lost = true;
    this.relay.settle();
    this.wire = new Wire(this.relay);
    this.link.rebind(this.wire, {
      type: MessageType.RebindConnection,
      link: 1,
      connectionId: 'c',
      epoch: ++this.epoch,
      received: 0,
    });
  }

  /** Words of the past say something else than they were asked. */
  private sayLate() {
    const before = [this.link.moveState, this.link.settling, this.wire.written];
    for (const word of this.oldWords) word({ context: new Uint8Array(3) });
    if (this.link.moveState !== 'ready') this.word?.({ refusal: 'too late' });
    const after = [this.link.moveState, this.link.settling, this.wire.written];
    if (String(before) !== String(after)) this.faults.push(`a late word: ${before} to ${after}`);
  }

  private check(action: Action) {
    const { link } = this;
    if (this.over) return;
    const settles = link.moveState === 'ready' || link.moveState === 'migrating';
    if (settles !== link.settling) this.faults.push(`${action}: settles: ${link.settling}`);
    if (link.settling && this.running.length > 0) this.faults.push(`${action}: at work`);
    const moves = this.relay.ready !== undefined && this.relay.asked!.kind === 'migrate';
    if (moves && !link.settling) this.faults.push(`${action}: READY, and goes on`);
  }
}

describe('HubLink, whatever happens', () => {
  it('acknowledges nothing before its effects, begins nothing while it settles', () => {
    const actions = fc.array(fc.constantFrom(...ACTIONS), { maxLength: 80, size: 'max' });
    fc.assert(
      fc.property(actions, (list) => {
        expect(new Run().through(list)).toEqual([]);
      }),
      { numRuns: 3000 },
    );
  });
});
