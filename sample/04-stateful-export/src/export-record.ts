/** What was wrong with an export, as its client saw it. */
export interface ExportFaults {
  /** Rows that never came before a later one. */
  gaps: number;
  /** Rows that came again although no server was lost. */
  repeatsOnDeploys: number;
  /** Rows that came again after the loss of a server, from below the last checkpoint. */
  repeatsBelowCheckpoint: number;
  /** Frames of the export after the answer to its cancellation, or after its end. */
  late: number;
  /** Cancellations answered `found` for an export that had ended, or the other way round. */
  wrongAnswers: number;
  /** Answers beyond the first one. */
  answeredTwice: number;
}

/** Follows one export from the client's side, frame by frame. */
export class ExportRecord {
  readonly faults: ExportFaults = {
    gaps: 0,
    repeatsOnDeploys: 0,
    repeatsBelowCheckpoint: 0,
    late: 0,
    wrongAnswers: 0,
    answeredTwice: 0,
  };
  /** The highest row that came; all below it did too, unless there are gaps. */
  highest = 0;
  /** Rows that came again after the loss of a server, above the last checkpoint. */
  repeatsAfterKills = 0;
  /** How often another server went on with it in the middle. */
  continued = 0;
  /** Whether it is complete. */
  ended = false;
  /** Whether its client asked for its cancellation. */
  cancelSent = false;
  /** Whether the cancellation was answered. */
  cancelAnswered = false;

  /** The row that is next when all goes well. */
  private next = 1;
  private mark = 0;
  private begun = false;
  /** Whether its server was lost, and no other one has gone on with it. */
  private lost = false;

  constructor(readonly rows: number) {}

  get isOver(): boolean {
    return this.ended || this.cancelAnswered;
  }

  /** The connection was taken over from a server that was lost. */
  serverLost(): void {
    this.lost = true;
  }

  onFrom(from: number): void {
    if (this.isLate()) {
      return;
    }
    const repeated = this.next - from;
    if (repeated < 0) {
      this.faults.gaps -= repeated;
    } else if (!this.lost) {
      this.faults.repeatsOnDeploys += repeated;
    } else {
      const below = Math.max(0, this.mark + 1 - from);
      this.faults.repeatsBelowCheckpoint += below;
      this.repeatsAfterKills += repeated - below;
    }
    if (this.begun && this.highest > 0) {
      this.continued += 1;
    }
    this.begun = true;
    this.lost = false;
    // Its end too may come again from the next server.
    this.ended = false;
    this.next = from;
  }

  onRow(n: number): void {
    if (this.isLate()) {
      return;
    }
    if (n > this.next) {
      this.faults.gaps += n - this.next;
    } else if (n < this.next) {
      this.faults.repeatsOnDeploys += 1;
    }
    this.next = Math.max(this.next, n + 1);
    this.highest = Math.max(this.highest, n);
  }

  /** The relay has a checkpoint after this row. */
  onMark(n: number): void {
    if (!this.isLate()) {
      this.mark = Math.max(this.mark, n);
    }
  }

  onEnd(rows: number): void {
    if (this.isLate()) {
      return;
    }
    this.faults.gaps += Math.max(0, rows + 1 - this.next);
    this.ended = true;
  }

  /** The answer to its cancellation. */
  onCancelled(found: boolean): void {
    if (this.cancelAnswered) {
      this.faults.answeredTwice += 1;
      return;
    }
    this.cancelAnswered = true;
    // The server that was lost may have ended it without its client's knowing, or the reverse.
    if (!this.cancelSent || (found === this.ended && !this.lost)) {
      this.faults.wrongAnswers += 1;
    }
  }

  private isLate(): boolean {
    const late = this.cancelAnswered || (this.ended && !this.lost);
    this.faults.late += late ? 1 : 0;
    return late;
  }
}
