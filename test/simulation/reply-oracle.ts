import type { ClientSide, Ledger, ServerSide } from './ledger.js';
import type { World } from './world.js';

/** What a client has got to one of its requests. */
interface Progress {
  /** Results without a gap. */
  results: number;
  /** The connection that sent each of them first. */
  readonly senders: ServerSide[];
  /** Result that each connection has sent last. */
  readonly sentBy: Map<ServerSide, number>;
  answeredBy: ServerSide | undefined;
}

/**
 * Results come in order without a gap, and a request is answered once. What a server that was lost
 * has sent may come again, above the last checkpoint.
 */
class ReplyCheck {
  private readonly requests = new Map<number, Progress>();
  private readonly own: ServerSide[];

  constructor(
    private readonly ledger: Ledger,
    private readonly client: ClientSide,
  ) {
    this.own = ledger.connections.filter((it) => it.client === client.index);
  }

  run(): void {
    const { client, ledger } = this;
    for (const { connection, reply } of client.received) {
      if (!reply) continue;
      const side = ledger.connections[connection]!;
      const progress = this.of(reply.request);
      this.checkOver(reply.request, side, progress);
      if (typeof reply.what === 'number') this.onResult(reply.request, reply.what, side, progress);
      else this.onAnswer(reply.request, reply.what, side, progress);
    }
  }

  private checkOver(request: number, side: ServerSide, { answeredBy }: Progress) {
    if (!answeredBy) return;
    if (answeredBy !== side && answeredBy.lost) this.ledger.count('answered again after a crash');
    else this.violate(request, 'something after its answer');
  }

  private onResult(request: number, result: number, side: ServerSide, progress: Progress) {
    const { sentBy, senders } = progress;
    const last = sentBy.get(side) ?? side.cursors.get(request) ?? 0;
    sentBy.set(side, result);
    if (result !== last + 1) this.violate(request, `result ${result} after ${last} by ${side.key}`);
    if (result > progress.results + 1) this.violate(request, `${result} after a gap`);
    const first = senders[result];
    if (!first) {
      senders[result] = side;
      progress.results = Math.max(progress.results, result);
      return;
    }
    const isAfterCrash = this.own.some(
      ({ crashed, epoch }) => crashed && epoch > first.epoch && epoch <= side.epoch,
    );
    if (isAfterCrash) this.ledger.count('result repeated after a crash');
    else this.violate(request, `result ${result} a second time`);
  }

  private onAnswer(request: number, what: string, side: ServerSide, progress: Progress) {
    progress.answeredBy = side;
    const due = this.client.requests.get(request);
    if (what === 'done' && progress.results !== due) {
      this.violate(request, `done after ${progress.results} of ${due} results`);
    }
  }

  private of(request: number): Progress {
    let progress = this.requests.get(request);
    if (!progress) {
      progress = { results: 0, senders: [], sentBy: new Map(), answeredBy: undefined };
      this.requests.set(request, progress);
    }
    return progress;
  }

  private violate(request: number, what: string) {
    this.ledger.violate(2, `request ${this.client.index}|${request}: ${what}`);
  }
}

export function checkReplies(ledger: Ledger, client: ClientSide): void {
  new ReplyCheck(ledger, client).run();
}

/** A client who is still there has got an answer to each request, once all is quiet. */
export function checkAnswered({ ledger, scenario }: World, client: ClientSide): void {
  const own = ledger.connections.filter((it) => it.client === client.index);
  if (!scenario.work.holdsAcks && own.some(({ lost }) => lost)) return;
  const answered = new Set<number>();
  for (const { reply } of client.received) {
    if (reply && typeof reply.what === 'string') answered.add(reply.request);
  }
  for (const request of client.requests.keys()) {
    if (!answered.has(request)) {
      ledger.violate(2, `request ${client.index}|${request} is never answered`);
    }
  }
}
