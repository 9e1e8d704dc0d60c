import { vi } from 'vitest';
import type { Mock } from 'vitest';
import { MessageType } from '../../lib/protocol/messages.js';
import type { ClientRequest, ControlMessage, LinkMessage } from '../../lib/protocol/messages.js';
import type { BindingTarget } from '../../lib/protocol/relay-binding.js';
import type { RelayLinkOwner } from '../../lib/protocol/relay-link-owner.js';
import { RelayLink } from '../../lib/protocol/relay-link.js';
import type { MigrationResult } from '../../lib/protocol/relay-migration.js';
import { ContextBudget } from '../../lib/protocol/context-budget.js';
import { RetentionBudget } from '../../lib/protocol/retention-budget.js';
import type { AckSource, LinkEnd } from '../../lib/protocol/session.js';
import { VirtualClock } from '../simulation/virtual-clock.js';

export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** A service connection of a hub server that does only what a test has it do. */
export class FakeServer implements BindingTarget {
  sent: Record<string, unknown>[] = [];
  end: LinkEnd | undefined;
  acks: number[] = [];
  losses = 0;
  avoided = false;

  constructor(readonly serverId: string) {}

  bind(end: LinkEnd): number {
    this.end = end;
    return 1;
  }
  sendData(_link: number, data: string | Buffer): void {
    this.sent.push({ data: data.toString() });
  }
  sendAck(_link: number, count: number): void {
    this.acks.push(count);
  }
  sendControl(message: ControlMessage): void {
    this.sent.push({ ...message });
  }
  scheduleAck(source: AckSource): void {
    source.writeAck();
  }
  release(): void {
    this.end = undefined;
  }
  lostByPeer(): void {
    this.losses++;
  }

  take(): Record<string, unknown>[] {
    return this.sent.splice(0);
  }
  says(text: string): void {
    this.end!.onData(text, false);
  }
  answer(message: object): void {
    this.end?.onMessage({ link: 1, ...message } as LinkMessage);
  }
  accept(): void {
    this.answer({ type: MessageType.OpenConnectionResponse, accepted: true });
  }
  refuse(reason = 'no'): void {
    this.answer({ type: MessageType.OpenConnectionResponse, accepted: false, reason });
  }
  ready(handled = 0, attempt = 1, sent = 0, received = handled, more: object = {}): void {
    this.answer({
      type: MessageType.MigrateConnectionResponse,
      attempt,
      ready: true,
      handled,
      received,
      sent,
      ...more,
    });
  }
  /** Ready with a context, or another target. */
  readyWith(more: object): void {
    this.ready(0, 1, 0, 0, more);
  }
  notReady(attempt = 1, reason?: string): void {
    const answer = { attempt, ready: false, reason, handled: 0, received: 0, sent: 0 };
    this.answer({ type: MessageType.MigrateConnectionResponse, ...answer });
  }
  progress(state: 'waiting' | 'ready', more: object = {}, attempt = 1): void {
    this.answer({ type: MessageType.MigrateConnectionProgress, attempt, state, ...more });
  }
  checkpoint(text?: string, migratable?: boolean): void {
    const context = text === undefined ? undefined : bytesOf(text);
    this.answer({ type: MessageType.Checkpoint, context, migratable });
  }
  /** The application closes the connection. */
  close(code: number, reason: string): void {
    this.answer({ type: MessageType.CloseConnection, code, reason });
  }
  closed(): void {
    this.answer({ type: MessageType.ConnectionClosed });
  }
  released(sent = 0, close?: object): void {
    this.answer({ type: MessageType.ConnectionReleased, attempt: 1, sent, close });
  }
  rebound(received: number, accepted = true): void {
    this.answer({ type: MessageType.RebindConnectionResponse, accepted, received });
  }
  lose(): void {
    const { end } = this;
    this.end = undefined;
    end?.onLost(1006, 'cut');
  }
}

const SPIES = [
  'accepted',
  'refused',
  'serverLost',
  'deliver',
  'pingClient',
  'pongClient',
  'clientLost',
  'closeClient',
  'pauseClient',
  'resumeClient',
  'migrationProgressed',
  'migrationEnded',
  'rerouted',
  'settled',
  'ended',
  'detached',
] as const;
type Spies = Record<(typeof SPIES)[number], Mock<(...args: unknown[]) => void>>;

const newSpies = () =>
  Object.fromEntries(SPIES.map((name) => [name, vi.fn<(...args: unknown[]) => void>()])) as Spies;

/** A relay's link, open on the hub server `a`, with others beside it. The test plays them. */
export class RelayLinkFixture {
  readonly clock = new VirtualClock();
  readonly budget = new RetentionBudget(1000);
  readonly contexts = new ContextBudget(1000);
  readonly a = new FakeServer('a');
  readonly b = new FakeServer('b');
  readonly c = new FakeServer('c');
  /** To where the connection may move, the first first. */
  candidates: FakeServer[] = [this.b, this.c];
  /** Further service connections of the hub servers. */
  routes: FakeServer[] = [];
  survivesCrash = true;
  readonly owner: RelayLinkOwner & Spies;
  link: RelayLink;

  constructor() {
    const survives = () => this.survivesCrash;
    this.owner = {
      get survivesCrash() {
        return survives();
      },
      ...newSpies(),
      selectTarget: (excluded, to) =>
        this.candidates.find(
          ({ serverId }) =>
            !excluded.has(serverId) && (to?.serverId === undefined || to.serverId === serverId),
        ),
      selectRoute: (serverId, besides) =>
        this.routes.find((it) => it.serverId === serverId && it !== besides),
    };
    this.link = this.newLink();
    this.a.accept();
    this.a.take();
  }

  /** Opens a connection on `a`, which has yet to accept it. */
  newLink(): RelayLink {
    const limits = { retainedBytes: 100, retainedMessages: 10, stepMs: 100 };
    const endpoint = { port: 0, path: '/chat' };
    const { clock, owner } = this;
    const budgets = { inbound: this.budget, contexts: this.contexts };
    const request = {} as ClientRequest;
    const made = new RelayLink('id', endpoint, request, limits, budgets, clock, owner);
    made.open(this.a);
    return made;
  }

  /** A further service connection of the hub server. */
  route(serverId = 'a'): FakeServer {
    const made = new FakeServer(serverId);
    this.routes.push(made);
    return made;
  }

  /** The client sends a message. */
  say(text: string): void {
    this.link.clientMessage(text, false);
  }

  migrate(): boolean {
    return this.link.migrate({ reason: 'shutdown', deadline: this.clock.now() + 1000 });
  }

  reroute(): boolean {
    return this.link.reroute({ reason: 'ingressReload', limitMs: 100 });
  }

  /** Moves the connection to `b`; the last word of `a` is yet to come. */
  moveToB(): void {
    this.migrate();
    this.a.ready();
    this.b.accept();
    this.a.take();
    this.b.take();
  }

  /** A service connection of `a` is there for the link. @returns what was sent on it */
  rebind(): Record<string, unknown>[] {
    this.link.rebind(this.a);
    return this.a.take();
  }

  /** What the client got. */
  heard(): string[] {
    return this.owner.deliver.mock.calls.map(([data]) => String(data));
  }

  migrations(): unknown[] {
    return this.owner.migrationEnded.mock.calls.map(([it]) => {
      const { outcome, reason, to } = it as MigrationResult;
      return [outcome, reason, to];
    });
  }

  reroutes(): unknown[] {
    return this.owner.rerouted.mock.calls.map(([it]) => it);
  }

  /** How often the link said that it is over, and the timers and bytes that it holds. */
  leftovers(): { ended: number; timers: number; bytes: number } {
    const { budget, clock, owner } = this;
    return { ended: owner.ended.mock.calls.length, timers: clock.timers.size, bytes: budget.used };
  }
}

/** A connection that has ended once, and of which nothing is left. */
export const ENDED = { ended: 1, timers: 0, bytes: 0 };

export const data = (...texts: string[]) => texts.map((text) => ({ data: text }));

/** The ends of attempts to move that the server heard of. */
export const outcomes = (server: FakeServer) =>
  server
    .take()
    .filter(({ type }) => type === MessageType.MigrateConnectionAck)
    .map(({ outcome, reason }) => [outcome, reason]);
