const LINES = {
  nginx: { started: /start worker process (\d+)/, ended: /worker process (\d+) exited/ },
  haproxy: { started: /New worker \((\d+)\) forked/, ended: /worker \((\d+)\) exited/ },
};

/** Which worker processes a proxy has, as its master's log tells. */
export class Workers {
  /** The process ids of those that run. */
  readonly running = new Set<number>();

  constructor(private readonly program: keyof typeof LINES) {}

  /** Reads one line of the log. */
  read(line: string): void {
    const { started, ended } = LINES[this.program];
    const [, begun] = started.exec(line) ?? [];
    const [, over] = ended.exec(line) ?? [];
    if (begun) {
      this.running.add(Number(begun));
    }
    if (over) {
      this.running.delete(Number(over));
    }
  }

  /** Whether all of these were replaced by others. */
  haveReplaced(old: readonly number[]): boolean {
    return this.running.size > 0 && old.every((worker) => !this.running.has(worker));
  }
}
