import { describe, expect, it } from 'vitest';
import { bucketOf } from './latency-histogram.js';
import { mergeConnected, mergeMeasured, mergeStopped, targetsOf, trafficsOf } from './shares.js';
import { wireOf } from './wire.js';

const target = { clients: 30_000, ports: [1, 2], wire: wireOf('ws', 'echo') };

describe('targetsOf', () => {
  it('leaves all to one, from as many addresses as that takes', () => {
    expect(targetsOf(target, 1)).toEqual([{ ...target, sources: { first: 1, count: 2 } }]);
    expect(targetsOf({ ...target, clients: 100 }, 1)).toEqual([
      { ...target, clients: 100, sources: { first: 1, count: 1 } },
    ]);
  });

  it('divides clients and addresses', () => {
    expect(targetsOf({ ...target, clients: 30_001 }, 2)).toEqual([
      { ...target, clients: 15_001, sources: { first: 1, count: 2 } },
      { ...target, clients: 15_000, sources: { first: 3, count: 1 } },
    ]);
  });
});

describe('trafficsOf', () => {
  it.each([
    [{ kind: 'echo', outstanding: 3 }, [3, 3]],
    [{ kind: 'turns', outstanding: 501 }, [251, 250]],
    [{ kind: 'turns', outstanding: 1 }, [1, 0]],
  ] as const)('divides %j', (traffic, outstanding) => {
    const { kind } = traffic;
    expect(trafficsOf(traffic, 2)).toEqual(outstanding.map((own) => ({ kind, outstanding: own })));
    expect(trafficsOf(traffic, 1)).toEqual([traffic]);
  });

  it('divides a rate and those who send', () => {
    expect(trafficsOf({ kind: 'rate', perSecond: 1001, senders: 100 }, 2)).toEqual([
      { kind: 'rate', perSecond: 501, senders: 50 },
      { kind: 'rate', perSecond: 500, senders: 50 },
    ]);
  });

  it('does not divide a fan-out', () => {
    const fanOut = { kind: 'fanOut', outstanding: 2 } as const;
    expect(trafficsOf(fanOut, 1)).toEqual([fanOut]);
    expect(() => trafficsOf(fanOut, 2)).toThrow('one load generator');
  });
});

describe('what several have measured', () => {
  it('is connected when the last is', () => {
    const all = [
      { kind: 'connected', seconds: 2, cpuShare: 0.2 },
      { kind: 'connected', seconds: 4, cpuShare: 0.3 },
    ] as const;
    expect(mergeConnected(all)).toEqual({ kind: 'connected', seconds: 4, cpuShare: 0.4 });
  });

  it('adds up', () => {
    const all = [
      { kind: 'measured', messages: 10, seconds: 1, cpuShare: 0.25 },
      { kind: 'measured', messages: 20, seconds: 3, cpuShare: 0.5 },
    ] as const;
    const expected = { kind: 'measured', messages: 30, seconds: 2, cpuShare: 0.75 };
    expect(mergeMeasured(all)).toEqual(expected);
  });

  it('has the latencies of all', () => {
    const all = [
      { kind: 'stopped', latencies: [[bucketOf(5), 2]], pauses: [] },
      {
        kind: 'stopped',
        latencies: [
          [bucketOf(3), 1],
          [bucketOf(5), 4],
        ],
        pauses: [[1, 1]],
      },
    ] as const;
    expect(mergeStopped(all)).toEqual({
      kind: 'stopped',
      latencies: [
        [3, 1],
        [5, 6],
      ],
      pauses: [[1, 1]],
    });
  });
});
