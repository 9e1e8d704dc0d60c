import { IsInt, Max } from 'class-validator';
import type { MigratableOptions } from 'nestjs-ws-migration';

/** What the gateway needs of every form of its state. */
export interface Tally {
  readonly total: number;
  /** In the order in which they were added. */
  readonly names: string[];
  add(name: string): void;
}

export class TallyV1 implements Tally {
  total = 0;
  names: string[] = [];

  add(name: string): void {
    this.total += 1;
    this.names.push(name);
  }
}

/** As the first form, but smaller. */
export class StrictTally extends TallyV1 {
  @IsInt()
  @Max(2)
  override total = 0;
}

export class Count {
  value = 0;
}

export class TallyV2 implements Tally {
  readonly count = new Count();
  readonly added = new Set<string>();

  get total(): number {
    return this.count.value;
  }

  get names(): string[] {
    return [...this.added];
  }

  add(name: string): void {
    this.count.value += 1;
    this.added.add(name);
  }
}

export class TallyV3 implements Tally {
  readonly count = new Count();
  readonly added = new Map<string, Date>();

  get total(): number {
    return this.count.value;
  }

  get names(): string[] {
    return [...this.added.keys()];
  }

  add(name: string): void {
    this.count.value += 1;
    this.added.set(name, new Date(this.count.value));
  }
}

const upgrade: MigratableOptions['upgrade'] = {
  1: ({ total, names }) => ({
    count: Object.assign(new Count(), { value: total }),
    added: new Set(names as string[]),
  }),
  2: ({ count, added }) => ({
    count,
    added: new Map([...(added as Set<string>)].map((name, index) => [name, new Date(index + 1)])),
  }),
};

/** What a release of the app declares, by `E2E_STATE`. */
export const releases: Record<string, MigratableOptions> = {
  1: { state: TallyV1, version: 1 },
  strict: { state: StrictTally, version: 1 },
  2: { state: TallyV2, version: 2, types: [Count], upgrade: { 1: upgrade[1]! } },
  3: { state: TallyV3, version: 3, types: [Count], upgrade },
};
