import { IsDate, IsInstance, IsInt, Min, ValidateNested } from 'class-validator';

/** Finished exports that are remembered. */
export const REMEMBERED = 5;

/** What both releases of the state can do: the gateway is the same for both. */
export interface ExportState {
  readonly version: number;
  readonly since: Date;
  readonly total: number;
  readonly repeats: number;
  readonly servers: Iterable<string>;
  readonly finished: ReadonlyMap<string, number>;
  /** Counts increment `n`, unless that was done before. */
  count(n: number, server: string): void;
  /** Remembers that an export is complete. */
  finish(id: string, rows: number): void;
}

/** The state of release 1. */
export class ExportStateV1 implements ExportState {
  get version(): number {
    return 1;
  }

  @IsDate()
  since = new Date();

  @IsInt()
  @Min(0)
  total = 0;

  @IsInt()
  @Min(0)
  last = 0;

  @IsInt()
  @Min(0)
  repeats = 0;

  @IsInstance(Array)
  servers: string[] = [];

  @IsInstance(Map)
  finished = new Map<string, number>();

  count(n: number, server: string): void {
    if (n <= this.last) {
      this.repeats += 1;
      return;
    }
    this.last = n;
    this.total += 1;
    if (!this.servers.includes(server)) {
      this.servers.push(server);
    }
  }

  finish(id: string, rows: number): void {
    remember(this.finished, id, rows);
  }
}

/** Increments, each counted once even if a lost server has handled it before. */
export class Counter {
  @IsInt()
  @Min(0)
  total = 0;

  @IsInt()
  @Min(0)
  last = 0;

  @IsInt()
  @Min(0)
  repeats = 0;

  /** False when increment `n` was counted before. */
  count(n: number): boolean {
    if (n <= this.last) {
      this.repeats += 1;
      return false;
    }
    this.last = n;
    this.total += 1;
    return true;
  }
}

/** The state of release 2 and later: the counter is an object of its own, the servers are a Set. */
export class ExportStateV2 implements ExportState {
  get version(): number {
    return 2;
  }

  @IsDate()
  since = new Date();

  @IsInstance(Counter)
  @ValidateNested()
  counter = new Counter();

  @IsInstance(Set)
  servers = new Set<string>();

  @IsInstance(Map)
  finished = new Map<string, number>();

  get total(): number {
    return this.counter.total;
  }

  get repeats(): number {
    return this.counter.repeats;
  }

  count(n: number, server: string): void {
    if (this.counter.count(n)) {
      this.servers.add(server);
    }
  }

  finish(id: string, rows: number): void {
    remember(this.finished, id, rows);
  }
}

function remember(finished: Map<string, number>, id: string, rows: number): void {
  finished.set(id, rows);
  for (const oldest of finished.keys()) {
    if (finished.size <= REMEMBERED) {
      break;
    }
    finished.delete(oldest);
  }
}
