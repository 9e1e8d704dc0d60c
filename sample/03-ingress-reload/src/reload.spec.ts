import { describe, expect, it } from 'vitest';
import { countRebound, problemsOf, type ReloadRecord } from './reload.js';

const record = (linksAtReload: number, rebound: number): ReloadRecord => ({
  ingress: 'ingress-a',
  moved: 0,
  linksAtReload,
  rebound,
  announcedMs: 0,
  reloadMs: 1000,
});

describe('problemsOf', () => {
  it('finds none when nobody was left, or, by surprise, when all were bound again', () => {
    expect(problemsOf(record(0, 0), false)).toEqual([]);
    expect(problemsOf(record(7, 7), true)).toEqual([]);
  });

  it('names links that were left on an announced ingress', () => {
    expect(problemsOf(record(7, 7), false)).toEqual([
      '7 links were still on ingress-a when it was reloaded',
    ]);
  });

  it('names links that were bound again without need, or not', () => {
    expect(problemsOf(record(0, 1), false)[0]).toContain('had 1 links bound again, 0 were on it');
    expect(problemsOf(record(7, 6), true)[0]).toContain('had 6 links bound again, 7 were on it');
  });
});

describe('countRebound', () => {
  const place = (connectionId: string, epoch: number) => ({ connectionId, epoch });

  it('counts those whose epoch has changed', () => {
    const before = [place('a', 1), place('b', 1), place('c', 4)];
    expect(countRebound(before, before)).toBe(0);
    expect(countRebound(before, [place('a', 2), place('b', 1), place('c', 6)])).toBe(2);
  });
});
