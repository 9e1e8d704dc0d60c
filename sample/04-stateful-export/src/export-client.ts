import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { until } from '../../../demo/until.js';
import type {
  CountedFrame,
  EndFrame,
  FromFrame,
  HereFrame,
  MarkFrame,
  RowFrame,
  StateFrame,
} from './app/export.messages.js';
import { REMEMBERED } from './app/export-state.js';
import { ExportRecord } from './export-record.js';

const COUNT_EVERY_MS = 25;
const CANCEL_AFTER_MS = 150;
/** Never reached: these exports are cancelled. */
const ENDLESS = 1_000_000_000;
const ANSWER_MS = 60_000;
const CLOSE_MS = 10_000;
const NORMAL = 1000;

/** The frames of the app. */
type Frame =
  | { event: 'here'; data: HereFrame }
  | { event: 'from'; data: FromFrame }
  | { event: 'row'; data: RowFrame }
  | { event: 'mark'; data: MarkFrame }
  | { event: 'end'; data: EndFrame }
  | { event: 'cancelled'; data: { id: string; found: boolean } }
  | { event: 'counted'; data: CountedFrame }
  | { event: 'state'; data: StateFrame }
  | { event: 'error' | 'exception'; data: unknown };

/**
 * A client that has one export after the other, cancels others that it asks for meanwhile, and counts
 * in its state: all at once, on one WebSocket.
 */
export class ExportClient {
  readonly exports = new Map<string, ExportRecord>();
  /** The servers that it was at, in order. */
  readonly stays: HereFrame[] = [];
  /** Cancellations that were on their way while the connection moved. */
  cancelsDuringMoves = 0;
  /** Increments sent, and the last one answered. */
  counted = 0;
  answered = 0;
  /** What is not as it should be, in words. */
  readonly problems: string[] = [];
  /** Where an answer to a cancellation was wrong, in words. */
  readonly examples: string[] = [];
  /** Increments that a server got again after another one was lost, and did not count again. */
  recounted = 0;
  closeCode?: number;

  private readonly socket: WebSocket;
  private readonly closed: Promise<void>;
  private readonly finished = new Map<string, number>();
  private readonly answers: StateFrame[] = [];
  private readonly stopped = new AbortController();
  private loops: Promise<void>[] = [];
  private leaving = false;
  /** A server was lost, and the next one has not yet counted something new. */
  private lost = false;

  constructor(
    url: string,
    private readonly label: string,
    private readonly rows: number,
  ) {
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    // An error is always followed by a close, which tells all that is needed.
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => this.receive(JSON.parse(data.toString()) as Frame));
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code) => {
        this.closeCode = code;
        resolve();
      });
    });
  }

  get connectionIsOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** True when a hub server has the connection. */
  get isServed(): boolean {
    return this.connectionIsOpen && this.stays.length > 0;
  }

  get closedByServer(): boolean {
    return this.closeCode !== undefined && !this.leaving;
  }

  start(): void {
    this.loops = [this.exportRows(), this.exportAndCancel(), this.count()];
  }

  /** What has come so far; {@link servedSince} compares with it. */
  progress() {
    const records = [...this.exports.values()];
    return {
      rows: records.reduce((sum, { highest }) => sum + highest, 0),
      cancelled: records.filter(({ cancelAnswered }) => cancelAnswered).length,
      answered: this.answered,
    };
  }

  /** Whether rows, an answer to a cancellation and a count have come since. */
  servedSince(before: ReturnType<ExportClient['progress']>): boolean {
    const now = this.progress();
    return (
      this.connectionIsOpen &&
      now.rows > before.rows &&
      now.cancelled > before.cancelled &&
      now.answered > before.answered
    );
  }

  /** Begins nothing more, waits for all that it began, and looks at its state. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await Promise.all(this.loops);
    if (!(await this.reaches(() => this.answered === this.counted))) {
      this.problems.push(`of ${this.counted} increments only ${this.answered} were answered`);
    }
    await this.checkState();
  }

  async leave(): Promise<void> {
    this.leaving = this.connectionIsOpen;
    this.socket.close(NORMAL);
    const timer = setTimeout(() => this.socket.terminate(), CLOSE_MS);
    await this.closed;
    clearTimeout(timer);
  }

  private async exportRows(): Promise<void> {
    for (let number = 1; this.goesOn; number += 1) {
      const id = `${this.label}-export-${number}`;
      const record = this.ask(id, this.rows);
      if (!(await this.reaches(() => record.ended))) {
        this.problems.push(`${id} stopped at row ${record.highest}`);
        return;
      }
      this.finished.set(id, this.rows);
    }
  }

  private async exportAndCancel(): Promise<void> {
    for (let number = 1; this.goesOn; number += 1) {
      const id = `${this.label}-cancelled-${number}`;
      const record = this.ask(id, ENDLESS);
      await sleep(Math.random() * CANCEL_AFTER_MS);
      const stays = this.stays.length;
      record.cancelSent = true;
      this.send({ event: 'cancel', data: { id } });
      if (!(await this.reaches(() => record.cancelAnswered))) {
        this.problems.push(`the cancellation of ${id} was not answered`);
        return;
      }
      this.cancelsDuringMoves += this.stays.length > stays ? 1 : 0;
    }
  }

  private async count(): Promise<void> {
    while (this.goesOn) {
      this.send({ event: 'count', data: { n: ++this.counted } });
      await sleep(COUNT_EVERY_MS);
    }
  }

  private async checkState(): Promise<void> {
    this.send({ event: 'state' });
    await this.reaches(() => this.answers.length > 0);
    const { servers = [], ...state } = this.answers.at(-1) ?? {};
    const finished = [...this.finished].slice(-REMEMBERED);
    const [is, shouldBe] = [state, { total: this.counted, finished }].map((it) =>
      JSON.stringify(it),
    );
    if (is !== shouldBe) {
      this.problems.push(`its state is ${is}, not ${shouldBe}`);
    }
    const known = new Set(this.stays.map(({ server }) => server));
    if (servers.length === 0 || servers.some((it) => !known.has(it))) {
      this.problems.push(
        `it counted at ${servers.join(', ')}, and was at ${[...known].join(', ')}`,
      );
    }
  }

  private get goesOn(): boolean {
    return this.connectionIsOpen && !this.stopped.signal.aborted;
  }

  /** Asks for an export: the frame's id is by which it can be cancelled. */
  private ask(id: string, rows: number): ExportRecord {
    const record = new ExportRecord(rows);
    this.exports.set(id, record);
    this.send({ event: 'export', id, data: { id, rows } });
    return record;
  }

  private send(frame: object): void {
    if (this.connectionIsOpen) {
      this.socket.send(JSON.stringify(frame));
    }
  }

  private reaches(condition: () => boolean): Promise<boolean> {
    return until(() => condition() || !this.connectionIsOpen, ANSWER_MS).then(condition);
  }

  private receive(frame: Frame): void {
    switch (frame.event) {
      case 'here':
        this.arrive(frame.data);
        break;
      case 'from':
        this.recordOf(frame.data.id)?.onFrom(frame.data.from);
        break;
      case 'row':
        this.recordOf(frame.data.id)?.onRow(frame.data.n);
        break;
      case 'mark':
        this.recordOf(frame.data.id)?.onMark(frame.data.n);
        break;
      case 'end':
        this.recordOf(frame.data.id)?.onEnd(frame.data.rows);
        break;
      case 'cancelled':
        this.receiveCancelled(frame.data.id, frame.data.found);
        break;
      case 'counted':
        this.receiveCount(frame.data);
        break;
      case 'state':
        this.answers.push(frame.data);
        break;
      default:
        this.problems.push(`a frame that it did not ask for: ${JSON.stringify(frame)}`);
    }
  }

  private arrive(here: HereFrame): void {
    const [first = here] = this.stays;
    if (here.since !== first.since) {
      this.problems.push(`its state is from ${here.since} now, and was from ${first.since}`);
    }
    this.stays.push(here);
    if (here.reason === 'crash') {
      this.lost = true;
      for (const record of this.exports.values()) {
        record.serverLost();
      }
    }
  }

  private receiveCancelled(id: string, found: boolean): void {
    const record = this.recordOf(id);
    const { wrongAnswers = 0, answeredTwice = 0 } = record?.faults ?? {};
    record?.onCancelled(found);
    const { server, reason } = this.stays.at(-1)!;
    const where = `row ${record?.highest}, at ${server} (${reason})`;
    if (record && record.faults.wrongAnswers > wrongAnswers) {
      this.examples.push(`the cancellation of ${id} was answered found: ${found} after ${where}`);
    }
    if (record && record.faults.answeredTwice > answeredTwice) {
      this.examples.push(`the cancellation of ${id} was answered again after ${where}`);
    }
  }

  private receiveCount(frame: CountedFrame): void {
    const { n, total, repeats } = frame;
    const isNext = n === this.answered + 1 && total === n && repeats === this.recounted;
    const isAgain = this.lost && n <= this.answered + 1 && total >= n && repeats >= this.recounted;
    if (isNext) {
      this.lost = false;
    } else if (!isAgain) {
      const before = `${this.answered}, with ${this.recounted} repeats`;
      this.problems.push(`after increment ${before}, came ${JSON.stringify(frame)}`);
    }
    this.answered = Math.max(this.answered, n);
    this.recounted = Math.max(this.recounted, repeats);
  }

  private recordOf(id: string): ExportRecord | undefined {
    const record = this.exports.get(id);
    if (!record) {
      this.problems.push(`a frame of ${id}, which it never asked for`);
    }
    return record;
  }
}
