/** What both ledgers together say. Messages count in both directions. */
export interface Verdict {
  sent: number;
  received: number;
  lost: number;
  /** Those of `lost` that nothing can save: the ends of the streams of a connection that mode `off`
   *  closed, and of what a killed or frozen server sent. */
  lostAllowed: number;
  duplicated: number;
  /** Messages that came again after a fault, as they may: nobody had answered them. */
  repeated: number;
  outOfOrder: number;
  /** Messages that reached a connection they were not meant for, or that nobody sent. */
  foreign: number;
  corrupted: number;
  /** Connections whose `connectionId` changed. */
  renamed: number;
  /** `handleConnection` or `handleDisconnect` calls without their counterpart on the other server,
   *  and true ends that were not reported exactly once. */
  unpaired: number;
  unexpectedCloses: number;
  /** Closes by a server that the mode is expected to make. */
  expectedCloses: number;
  /** Server migrations, counted at the new servers. */
  moves: number;
  /** A sentence for each of the first violations. */
  examples: string[];
}

/** The numbers of a verdict that stand for faults. */
export type Fault =
  | 'lost'
  | 'duplicated'
  | 'outOfOrder'
  | 'foreign'
  | 'corrupted'
  | 'renamed'
  | 'unpaired'
  | 'unexpectedCloses';

const MAX_EXAMPLES = 20;

export function emptyVerdict(): Verdict {
  return {
    sent: 0,
    received: 0,
    lost: 0,
    lostAllowed: 0,
    duplicated: 0,
    repeated: 0,
    outOfOrder: 0,
    foreign: 0,
    corrupted: 0,
    renamed: 0,
    unpaired: 0,
    unexpectedCloses: 0,
    expectedCloses: 0,
    moves: 0,
    examples: [],
  };
}

export function count(verdict: Verdict, fault: Fault, example: string): void {
  verdict[fault] += 1;
  if (verdict.examples.length < MAX_EXAMPLES) {
    verdict.examples.push(`${fault}: ${example}`);
  }
}
