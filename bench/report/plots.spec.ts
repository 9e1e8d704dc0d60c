import { describe, expect, it } from 'vitest';
import { plotsOf } from './plots.js';
import type { Row } from './rows.js';
import { spreadOf } from './statistics.js';
import { barChart, lineChart } from './svg.js';

const plot = {
  title: 'a < b',
  unit: 'µs',
  labels: ['one', 'two'],
  series: [
    { name: 'first', values: [10, 20] },
    { name: 'second', values: [undefined, 5] },
  ],
};

describe('barChart', () => {
  const svg = barChart({ ...plot, line: 1 });

  it('has a bar for each value, as high as it is', () => {
    const heights = [...svg.matchAll(/height="([\d.]+)" fill="#(?!fff)\w+"><title>/g)];
    const [ten, twenty, five] = heights.map(([, height]) => Number(height));
    expect(heights).toHaveLength(3);
    expect(twenty! / ten!).toBeCloseTo(2);
    expect(ten! / five!).toBeCloseTo(2);
  });

  it('escapes names and draws the line to compare with', () => {
    expect(svg).toContain('a &lt; b');
    expect(svg).toContain('stroke-dasharray');
  });
});

describe('lineChart', () => {
  it('leaves out what was not measured', () => {
    expect(lineChart(plot).match(/<circle/g)).toHaveLength(3);
  });

  it('shows notes beside their points', () => {
    const series = [{ name: 'first', values: [10, 20], notes: [undefined, '2 < 3'] }];
    const svg = lineChart({ ...plot, series });
    expect(svg.match(/2 &lt; 3<\/text>/g)).toHaveLength(1);
    expect(svg).toContain('<title>first: 20, 2 &lt; 3</title>');
    expect(svg).toContain('<title>first: 10</title>');
  });

  it('can be empty', () => {
    expect(lineChart({ ...plot, series: [{ name: 'none', values: [0, 0] }] })).not.toContain('NaN');
  });
});

describe('plotsOf', () => {
  it('draws that for which there are values', () => {
    const row: Row = {
      scenario: 'memory',
      subject: 'split',
      runs: 1,
      values: { rss: spreadOf([4]) },
    };
    expect(plotsOf([row]).map(({ name }) => name)).toEqual(['memory.svg']);
    expect(plotsOf([])).toEqual([]);
  });

  it('says what a point of the scaling stands for', () => {
    const row: Row = {
      scenario: 'scale30000',
      subject: 'split',
      runs: 1,
      topology: { clients: 30_000, relays: 2, generators: 2 },
      values: { perCore: spreadOf([4]) },
    };
    expect(plotsOf([row])[0]!.svg).toContain('>2 relays</text>');
  });
});
