import { describe, expect, it } from 'vitest';
import type { Outage, SessionRecord, VisitRecord } from './ledger.js';
import type { Mode } from './options.js';
import { isClean, judge } from './verdict.js';
import type { Fault } from './verdict-counts.js';

/** A connection that sent 6 messages, moved from a to b after 3, and got 2 from a and 3 from b. */
function ledgers() {
  const session: SessionRecord = {
    label: '0.1',
    kind: 'busy',
    connectionId: 'id-0',
    sent: 6,
    received: downs(['a', 1], ['a', 2], ['b', 1], ['b', 2], ['b', 3]),
    foreign: 0,
    corrupted: 0,
    closedBy: 'client',
    closeCode: 1000,
  };
  const handled = (n: number) => ({ label: '0.1', n, intact: true, at: n * 10 });
  const known = { label: '0.1', connectionId: 'id-0', visit: 1 };
  const a: VisitRecord = {
    ...known,
    server: 'a',
    from: null,
    to: 'b',
    openedAt: 1,
    closedAt: 36,
    handled: [1, 2, 3].map(handled),
    sent: 2,
  };
  const b: VisitRecord = {
    ...known,
    server: 'b',
    from: 'a',
    to: null,
    openedAt: 35,
    closedAt: 90,
    handled: [4, 5, 6].map(handled),
    sent: 3,
  };
  const more: VisitRecord[] = [];
  return { session, a, b, more };
}

function downs(...pairs: [string, number][]) {
  return pairs.map(([server, n]) => ({ server, visit: 1, n }));
}

type Change = (ledger: ReturnType<typeof ledgers>) => void;

function judged(change: Change, mode: Mode = 'migrateClients') {
  const ledger = ledgers();
  change(ledger);
  return judge(mode, [ledger.session], [ledger.b, ledger.a]);
}

function swap<T>(list: T[], first: number, second: number): void {
  [list[first], list[second]] = [list[second]!, list[first]!];
}

describe('judge', () => {
  it('finds nothing in whole ledgers', () => {
    const verdict = judged(() => {});
    expect(verdict).toMatchObject({ sent: 11, received: 11, lost: 0, moves: 1, examples: [] });
    expect(isClean(verdict)).toBe(true);
  });

  const faults: [what: string, fault: Fault, times: number, change: Change][] = [
    ['a lost up', 'lost', 1, ({ a }) => a.handled.splice(1, 1)],
    ['a lost up at the end', 'lost', 1, ({ b }) => b.handled.pop()],
    ['a lost down', 'lost', 1, ({ session }) => session.received.splice(0, 1)],
    ['a lost down at the end', 'lost', 1, ({ session }) => session.received.pop()],
    ['a doubled up', 'duplicated', 1, ({ a }) => a.handled.push(a.handled[2]!)],
    [
      'an up that both servers handled',
      'duplicated',
      1,
      ({ a, b }) => b.handled.unshift(a.handled[2]!),
    ],
    ['a doubled down', 'duplicated', 1, ({ session }) => session.received.push(...downs(['b', 2]))],
    ['swapped ups', 'outOfOrder', 1, ({ b }) => swap(b.handled, 0, 1)],
    ['swapped downs', 'outOfOrder', 1, ({ session }) => swap(session.received, 2, 3)],
    [
      'a down of the old server after the new one',
      'outOfOrder',
      1,
      ({ session }) => swap(session.received, 1, 2),
    ],
    [
      'ups swapped between the servers',
      'outOfOrder',
      1,
      ({ a, b }) => {
        const [first] = b.handled.splice(0, 1);
        const [third] = a.handled.splice(2, 1, first!);
        b.handled.unshift(third!);
        a.handled[2]!.at = 30;
      },
    ],
    [
      'an up handled on the old server after the move',
      'outOfOrder',
      1,
      ({ a }) => (a.handled[2]!.at = 60),
    ],
    [
      'an up of another connection',
      'foreign',
      1,
      ({ b }) => b.handled.push({ label: '7.1', n: 1, intact: true, at: 70 }),
    ],
    [
      'an up that was never sent',
      'foreign',
      1,
      ({ session, b }) => {
        session.sent = 5;
        b.handled[2]!.n = 6;
      },
    ],
    ['a down of another connection', 'foreign', 1, ({ session }) => (session.foreign = 1)],
    [
      'a down that was never sent',
      'foreign',
      1,
      ({ session }) => session.received.push(...downs(['b', 4])),
    ],
    [
      'a down of an unknown server',
      'foreign',
      1,
      ({ session }) => session.received.push(...downs(['c', 1])),
    ],
    ['a changed up', 'corrupted', 1, ({ b }) => (b.handled[0]!.intact = false)],
    ['a changed down', 'corrupted', 1, ({ session }) => (session.corrupted = 1)],
    ['a new connectionId', 'renamed', 1, ({ b }) => (b.connectionId = 'id-1')],
    ['a handleDisconnect without migration.to', 'unpaired', 1, ({ a }) => (a.to = null)],
    ['a handleConnection without migration.from', 'unpaired', 1, ({ b }) => (b.from = null)],
    ['a missed handleDisconnect on the old server', 'unpaired', 1, ({ a }) => delete a.to],
    ['a missed true end', 'unpaired', 1, ({ b }) => delete b.to],
    ['a move to a server that never saw it', 'unpaired', 1, ({ b }) => (b.to = 'c')],
    ['a first visit that came from elsewhere', 'unpaired', 1, ({ a }) => (a.from = 'z')],
    [
      'a close by the server',
      'unexpectedCloses',
      1,
      ({ session }) => Object.assign(session, { closedBy: 'server', closeCode: 1012 }),
    ],
    [
      'a close without a handshake',
      'unexpectedCloses',
      1,
      ({ session }) => (session.closeCode = 1006),
    ],
    ['a connection left open', 'unexpectedCloses', 1, ({ session }) => delete session.closedBy],
  ];

  it.each(faults)('catches %s', (_, fault, times, change) => {
    const verdict = judged(change);
    expect(verdict[fault]).toBe(times);
    expect(verdict.examples).toHaveLength(times);
    expect(verdict.examples[0]).toContain(`${fault}: `);
    expect(isClean(verdict)).toBe(false);
  });

  it('catches a connection that no server saw, and one that no client has', () => {
    const { session, a, b } = ledgers();
    expect(isClean(judge('migrateClients', [{ ...session, sent: 0, received: [] }], []))).toBe(
      false,
    );
    expect(judge('migrateClients', [], [a, b]).foreign).toBe(2);
  });

  it('catches a connectionId that two connections share', () => {
    const { session, a, b } = ledgers();
    const other = { ...session, label: '1.1', sent: 0, received: [] };
    const visit = { ...b, label: '1.1', from: null, handled: [], sent: 0 };
    expect(judge('migrateClients', [session, other], [a, b, visit]).renamed).toBe(1);
  });
});

describe('what mode off allows', () => {
  const cut: Change = ({ session, a, b }) => {
    Object.assign(session, { closedBy: 'server', closeCode: 1012, sent: 3 });
    session.received = downs(['a', 1], ['a', 2]);
    a.to = null;
    b.label = 'other';
  };
  const judgeCut = (change: Change, mode: Mode = 'off') => {
    const ledger = ledgers();
    cut(ledger);
    change(ledger);
    return judge(mode, [ledger.session], [ledger.a]);
  };

  it('allows the close and the loss of the ends of both streams, and counts them', () => {
    const verdict = judgeCut(({ session, a }) => {
      session.received.pop();
      a.handled.pop();
    });
    expect(verdict).toMatchObject({
      lost: 2,
      lostAllowed: 2,
      expectedCloses: 1,
      unexpectedCloses: 0,
    });
    expect(isClean(verdict)).toBe(true);
  });

  it('allows no hole, no duplicate, no other code', () => {
    expect(isClean(judgeCut(({ a }) => a.handled.splice(0, 1)))).toBe(false);
    expect(isClean(judgeCut(({ session }) => session.received.push(...downs(['a', 1]))))).toBe(
      false,
    );
    expect(isClean(judgeCut(({ session }) => (session.closeCode = 1006)))).toBe(false);
  });

  it.each<Mode>(['migrateClients', 'waitForClientsClose'])('%s does not', (mode) => {
    const verdict = judgeCut(({ a }) => a.handled.pop(), mode);
    expect(verdict).toMatchObject({ lost: 1, lostAllowed: 0, unexpectedCloses: 1 });
  });
});

describe('what the loss of a server allows', () => {
  const killed: Outage = { server: 'a', from: 33, to: Infinity };
  const frozen: Outage = { server: 'a', from: 33, to: 80 };
  const judgeLost = (outages: Outage[], ...changes: Change[]) => {
    const ledger = ledgers();
    for (const change of changes) {
      change(ledger);
    }
    const { session, a, b, more } = ledger;
    return judge('migrateClients', [session], [b, a, ...more], outages);
  };
  const kill: Change = ({ a }) => {
    delete a.to;
    delete a.closedAt;
  };
  const freeze: Change = ({ a }) => (a.closedAt = 80);
  const answer = (n: number): Change => {
    return ({ session }) => (session.received[1] = { server: 'a', visit: 1, n: 2, re: n });
  };
  const repeatThird: Change = ({ b }) =>
    b.handled.unshift({ label: '0.1', n: 3, intact: true, at: 36 });

  const allowed: [what: string, outage: Outage, changes: Change[], counted: object][] = [
    ['no handleDisconnect on a killed server', killed, [kill], {}],
    ['an unanswered up again', killed, [kill, repeatThird], { repeated: 1 }],
    [
      'the end of what a killed server sent',
      killed,
      [kill, ({ session }) => session.received.splice(1, 1)],
      { lost: 1, lostAllowed: 1 },
    ],
    [
      'an unanswered up handled late by a frozen server, and again by the next',
      frozen,
      [freeze, repeatThird, ({ a }) => (a.handled[2]!.at = 79)],
      { repeated: 1 },
    ],
    [
      'what a frozen server sent after it was given up',
      frozen,
      [freeze, ({ a }) => (a.sent = 5)],
      { lost: 3, lostAllowed: 3 },
    ],
    [
      'a frozen server that learns of a later server',
      frozen,
      [
        freeze,
        ({ a, b, more, session }) => {
          a.to = 'a';
          b.to = 'a';
          const back = { ...a, visit: 2, from: 'b', to: null, openedAt: 90, closedAt: 99 };
          more.push({ ...back, handled: [], sent: 1 });
          session.received.push({ server: 'a', visit: 2, n: 1 });
        },
      ],
      { moves: 2 },
    ],
  ];

  it.each(allowed)('allows %s, but not without the fault', (_, outage, changes, counted) => {
    const judgeWith = (outages: Outage[]) => judgeLost(outages, ...changes);
    const verdict = judgeWith([outage]);
    expect(verdict).toMatchObject({ ...counted, examples: [] });
    expect(isClean(verdict)).toBe(true);
    expect(isClean(judgeWith([]))).toBe(false);
    expect(isClean(judgeWith([{ ...outage, server: 'b' }]))).toBe(false);
  });

  const forbidden: [what: string, fault: Fault, changes: Change[]][] = [
    ['an answered up again', 'duplicated', [repeatThird, answer(3)]],
    ['an unanswered up twice on one server', 'duplicated', [repeatThird, repeatThird]],
    [
      'repeated ups in another order',
      'outOfOrder',
      [
        repeatThird,
        ({ b }) => b.handled.splice(1, 0, { label: '0.1', n: 2, intact: true, at: 37 }),
      ],
    ],
    ['an up that nobody handled', 'lost', [({ a }) => a.handled.pop()]],
    ['a hole in what the server sent', 'lost', [({ session }) => session.received.shift()]],
    [
      'a down of the lost server after the next',
      'outOfOrder',
      [({ session }) => swap(session.received, 1, 2)],
    ],
    ['a close', 'unexpectedCloses', [({ session }) => (session.closedBy = 'server')]],
    ['a move from nowhere', 'unpaired', [({ b }) => (b.from = null)]],
  ];

  it.each(forbidden)('does not allow %s', (_, fault, changes) => {
    const verdict = judgeLost([killed], kill, ...changes);
    expect(verdict[fault]).toBeGreaterThan(0);
    expect(isClean(verdict)).toBe(false);
  });

  it('does not allow a frozen server to see a true end, or none', () => {
    expect(judgeLost([frozen], freeze, ({ a }) => (a.to = null)).unpaired).toBe(1);
    expect(judgeLost([frozen], freeze, ({ a }) => delete a.to).unpaired).toBe(1);
  });

  it('leaves out a server that was lost while it took the connection over', () => {
    const ghost: VisitRecord = {
      server: 'c',
      visit: 1,
      label: '0.1',
      connectionId: 'id-0',
      from: 'a',
      openedAt: 34,
      handled: [],
      sent: 1,
    };
    const { session, a, b } = ledgers();
    const judgeGhost = (outages: Outage[]) =>
      judge('migrateClients', [session], [a, ghost, b], outages);
    expect(isClean(judgeGhost([{ server: 'c', from: 35, to: Infinity }]))).toBe(true);
    expect(judgeGhost([]).unpaired).toBe(2);
  });

  it('leaves out a server that was cut off while it took the connection over', () => {
    const ghost: VisitRecord = {
      server: 'c',
      visit: 1,
      label: '0.1',
      connectionId: 'id-0',
      from: 'a',
      to: 'a',
      openedAt: 34,
      closedAt: 35,
      handled: [],
      sent: 1,
    };
    const { session, a, b } = ledgers();
    const judgeGhost = (change: Partial<VisitRecord> = {}) =>
      judge('migrateClients', [session], [a, { ...ghost, ...change }, b], []);
    expect(isClean(judgeGhost())).toBe(true);
    expect(judge('migrateClients', [session], [a, ghost, b]).unpaired).toBe(2);
    expect(isClean(judgeGhost({ to: 'b' }))).toBe(true);
    expect(isClean(judgeGhost({ to: 'x' }))).toBe(false);
    const handled = [{ label: '0.1', n: 4, intact: true, at: 35 }];
    expect(isClean(judgeGhost({ handled }))).toBe(false);
    session.received.push({ server: 'c', visit: 1, n: 1 });
    expect(isClean(judgeGhost())).toBe(false);
  });

  it('leaves out an attempt that was cut off when a later one brought the connection there', () => {
    const { session, a, b } = ledgers();
    const attempt: VisitRecord = {
      ...b,
      visit: 7,
      openedAt: 34,
      closedAt: 35,
      handled: [],
      sent: 1,
    };
    const c: VisitRecord = { ...b, server: 'c', from: 'b', openedAt: 91, handled: [], sent: 0 };
    b.to = 'c';
    const judgeAttempt = (to: string) =>
      judge('migrateClients', [session], [a, { ...attempt, to }, b, c], []);
    expect(judgeAttempt('a')).toMatchObject({ lost: 0, moves: 2, examples: [] });
    expect(judgeAttempt('b')).toMatchObject({ lost: 0, moves: 2, examples: [] });
    expect(judgeAttempt('c')).toMatchObject({ lost: 0, moves: 2, examples: [] });
    expect(isClean(judgeAttempt('x'))).toBe(false);
    attempt.handled = [{ label: '0.1', n: 4, intact: true, at: 35 }];
    expect(isClean(judgeAttempt('a'))).toBe(false);
  });
});
