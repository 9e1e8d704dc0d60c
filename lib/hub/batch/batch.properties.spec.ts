import fc from 'fast-check';
import { concatMap, Observable, range } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { BatchFixture, settled } from '../../../test/support/batch-fixture.js';
import type { BatchContext } from '../../gateway/batch/batch-context.js';
import { decodeContext } from '../../gateway/state/context-codec.js';

const STYLES = ['before', 'after', 'observableBefore', 'observableAfter', 'suspends'] as const;

/** What a request asks for: this many rows, with a checkpoint at every `every`th. */
interface Request {
  readonly request: number;
  readonly style: (typeof STYLES)[number];
  readonly rows: number;
  readonly every: number;
}

type Step =
  | { do: 'ask'; style: Request['style']; rows: number; every: number }
  | { do: 'rows'; count: number; pick: number }
  | { do: 'cancel'; pick: number }
  | { do: 'requestMove' | 'rollBack' | 'move' | 'crash' };

const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      style: fc.constantFrom(...STYLES),
      rows: fc.integer({ min: 0, max: 6 }),
      every: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('rows' as const),
      count: fc.integer({ min: 1, max: 4 }),
      pick: fc.nat(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('requestMove' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rollBack' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const) }) },
);
const crash = fc.record({ do: fc.constant('crash' as const) });
const deploys: fc.Arbitrary<Step[]> = fc.array(action, { maxLength: 30 });
const crashes: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof({ weight: 9, arbitrary: action }, { weight: 1, arbitrary: crash }),
  { maxLength: 30 },
);

/** A connection on which a schedule runs. */
class Schedule {
  readonly requests: Request[] = [];
  readonly attentions: string[] = [];
  /** From which row each request may be repeated, after a crash. */
  readonly restarts = new Map<number, Set<number>>();
  private readonly gates: { request: number; open: () => void }[] = [];
  private leaving = false;
  readonly fixture = new BatchFixture({
    rows: {
      handle: (batch, data: Request) => this.rows(batch, data, 0),
      resume: (batch, cursor: number, data: Request) => this.rows(batch, data, cursor),
    },
  });

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.step(step);
      await settled(3);
    }
    if (this.leaving) this.fixture.rollBack();
    do {
      await settled();
      for (const { open } of this.gates.splice(0)) open();
      await settled();
    } while (this.gates.length > 0);
  }

  private async step(step: Step) {
    const { fixture } = this;
    switch (step.do) {
      case 'ask': {
        const { style, rows, every } = step;
        const data: Request = { request: this.requests.length, style, rows, every };
        this.requests.push(data);
        fixture.send('rows', data, `r${data.request}`);
        return;
      }
      case 'rows':
        for (let i = 0; i < step.count && this.gates.length > 0; i++) {
          this.gates.splice(step.pick % this.gates.length, 1)[0]!.open();
          await settled(2);
        }
        return;
      case 'cancel': {
        const meant = this.requests[step.pick % (this.requests.length + 1)];
        const id = meant ? `r${meant.request}` : 'nobody';
        this.attentions.push(id);
        fixture.send('cancel', { id });
        return;
      }
      case 'requestMove':
        this.leaving = true;
        fixture.requestMove();
        return;
      case 'rollBack':
        this.leaving = false;
        fixture.rollBack();
        return;
      case 'move':
        if (!this.leaving || !fixture.server.isIdle) return;
        this.leaving = false;
        await fixture.move();
        return;
      case 'crash':
        this.leaving = false;
        this.rememberRestarts();
        await fixture.crash();
        return;
    }
  }

  /** The numbers of messages are not those of requests: attentions have numbers too. */
  private rememberRestarts() {
    const { context, unhandled } = this.fixture;
    const { batches = [] } = context ? decodeContext(context) : {};
    for (const { number, text } of unhandled) {
      const { data } = JSON.parse(text) as { data: Partial<Request> };
      if (data.request === undefined) continue;
      const cursor = batches.find((it) => it.number === number)?.cursor ?? 0;
      const known = this.restarts.get(data.request) ?? new Set();
      this.restarts.set(data.request, known.add(cursor as number));
    }
  }

  private gate(request: number): Promise<void> {
    return new Promise((open) => this.gates.push({ request, open }));
  }

  private rows(batch: BatchContext, { request, style, rows, every }: Request, start: number) {
    const at = (row: number) => row % every === 0;
    const gate = () => this.gate(request);
    switch (style) {
      case 'before':
        return (async function* () {
          for (let row = start; row < rows; row++) {
            if (at(row)) batch.checkpoint(row);
            await gate();
            yield { request, row };
          }
        })();
      case 'after':
        return (async function* () {
          for (let row = start; row < rows; row++) {
            await gate();
            yield { request, row };
            if (at(row)) batch.checkpoint(row + 1);
          }
        })();
      case 'observableBefore':
        return range(start, rows - start).pipe(
          concatMap(async (row) => {
            if (at(row)) batch.checkpoint(row);
            await gate();
            return { request, row };
          }),
        );
      case 'observableAfter':
        return new Observable((subscriber) => {
          const emit = async () => {
            for (let row = start; row < rows && !subscriber.closed; row++) {
              await gate();
              subscriber.next({ request, row });
              if (at(row)) batch.checkpoint(row + 1);
            }
            subscriber.complete();
          };
          void emit();
        });
      case 'suspends':
        return (async () => {
          for (let turn = start; turn < rows; turn++) {
            await gate();
            if (batch.migrating.aborted) return batch.suspend(turn);
          }
          return { request, row: 0 };
        })();
    }
  }
}

interface Row {
  readonly request: number;
  readonly row: number;
}
interface Answer {
  readonly event: 'cancelled';
  readonly data: { readonly id: string; readonly found: boolean };
}

const isRow = (frame: unknown): frame is Row => 'row' in (frame as object);

function check({ fixture, requests, attentions, restarts }: Schedule) {
  const frames = fixture.frames as (Row | Answer)[];
  expect(fixture.errors).toEqual([]);
  expect([fixture.unhandled, fixture.server.work.pending, fixture.server.isIdle]).toEqual([
    [],
    [],
    true,
  ]);
  expect(fixture.server.work.cancelled).toEqual([]);
  const answers = frames.filter((frame) => !isRow(frame)) as Answer[];
  expect(answers.map(({ data }) => data.id)).toEqual(attentions);
  const faults = requests.flatMap((request) => faultsOf(request, frames, restarts));
  expect(faults).toEqual([]);
}

/** What is wrong with what the client got for a request. */
function faultsOf(
  { request, rows: all, style }: Request,
  frames: readonly (Row | Answer)[],
  restarts: ReadonlyMap<number, ReadonlySet<number>>,
): string[] {
  const rows = style === 'suspends' ? 1 : all;
  const faults: string[] = [];
  let next = 0;
  let found = false;
  const note = (isWrong: boolean, what: string) => {
    if (isWrong) faults.push(`request ${request}: ${what}`);
  };
  for (const frame of frames) {
    if (!isRow(frame)) {
      if (frame.data.id !== `r${request}`) continue;
      note(frame.data.found && found, 'found twice');
      note(!frame.data.found && !found && next !== rows, 'not found, and not at its end');
      found ||= frame.data.found;
    } else if (frame.request === request) {
      note(found, 'a result after its end');
      note(frame.row > next, `no result ${next}`);
      const isRepeated = frame.row < next;
      note(isRepeated && !restarts.get(request)?.has(frame.row), `result ${frame.row} again`);
      next = frame.row + 1;
    }
  }
  note(!found && next !== rows, `ends at ${next} of ${rows}`);
  return faults;
}

describe('batches, whatever happens in whatever order', () => {
  it('lose and repeat no result on moves, and answer each attention once', async () => {
    await fc.assert(
      fc.asyncProperty(deploys, async (steps) => {
        const schedule = new Schedule();
        await schedule.run(steps);
        expect(schedule.restarts.size).toBe(0);
        check(schedule);
      }),
      { numRuns: 250 },
    );
  });

  it('repeat only what is above the last checkpoint after crashes', async () => {
    await fc.assert(
      fc.asyncProperty(crashes, async (steps) => {
        const schedule = new Schedule();
        await schedule.run(steps);
        check(schedule);
      }),
      { numRuns: 250 },
    );
  });
});
