/** Values of one subject, one for each group or x. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | undefined)[];
  /** What a reader has to know of a value of a line. */
  readonly notes?: readonly (string | undefined)[];
}

export interface Plot {
  readonly title: string;
  /** What the values are, with their unit. */
  readonly unit: string;
  /** Names of the groups of bars, or of the x values. */
  readonly labels: readonly string[];
  readonly series: readonly Series[];
  /** A value to compare with. */
  readonly line?: number;
}

const WIDTH = 860;
const HEIGHT = 380;
const LEFT = 64;
const TOP = 48;
const RIGHT = 200;
const BOTTOM = 44;
const AREA = { width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
const COLOURS = ['#7a7a7a', '#b08d57', '#4c9f70', '#3d7ea6', '#9467bd', '#d1495b', '#ef8a3c'];
const TICKS = 5;

/** Bars of each subject side by side, in groups. */
export function barChart(plot: Plot): string {
  const { labels, series } = plot;
  const scale = scaleOf(plot);
  const group = AREA.width / labels.length;
  const bar = (group * 0.8) / series.length;
  const bars = series.flatMap(({ name, values }, place) =>
    values.flatMap((value, index) => {
      if (value === undefined) return [];
      const x = LEFT + index * group + group * 0.1 + place * bar;
      const y = scale.y(Math.max(0, value));
      const height = TOP + AREA.height - y;
      const about = `<title>${escape(name)}: ${shorten(value)}</title>`;
      const box = `x="${at(x)}" y="${at(y)}" width="${at(bar * 0.9)}" height="${at(height)}"`;
      return [`<rect ${box} fill="${colour(place)}">${about}</rect>`];
    }),
  );
  return frame(plot, scale, group, bars);
}

/** One line for each subject over the x values, which are equally far from each other. */
export function lineChart(plot: Plot): string {
  const scale = scaleOf(plot);
  const step = AREA.width / plot.labels.length;
  const lines = plot.series.flatMap(({ name, values, notes }, place) => {
    const points = values.flatMap((value, index) =>
      value === undefined
        ? []
        : [{ x: LEFT + (index + 0.5) * step, y: scale.y(value), value, note: notes?.[index] }],
    );
    const path = points.map(({ x, y }) => `${at(x)},${at(y)}`).join(' ');
    const dots = points.map(
      ({ x, y, value, note }) =>
        `<circle cx="${at(x)}" cy="${at(y)}" r="3.5" fill="${colour(place)}"><title>${escape(name)}: ${shorten(value)}${note === undefined ? '' : `, ${escape(note)}`}</title></circle>`,
    );
    const labels = points.flatMap(({ x, y, note }) =>
      note === undefined
        ? []
        : [`<text x="${at(x + 8)}" y="${at(y)}" dy="4" font-size="10">${escape(note)}</text>`],
    );
    const line = `<polyline points="${path}" fill="none" stroke="${colour(place)}" stroke-width="2"/>`;
    return [line, ...dots, ...labels];
  });
  return frame(plot, scale, step, lines);
}

interface Scale {
  readonly step: number;
  readonly ticks: number;
  y(value: number): number;
}

function scaleOf({ series, line = 0 }: Plot): Scale {
  const most = Math.max(line, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const rough = (most || 1) / TICKS;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((each) => each * magnitude >= rough)! * magnitude;
  const ticks = Math.ceil((most || 1) / step);
  return { step, ticks, y: (value) => TOP + AREA.height * (1 - value / (step * ticks)) };
}

function frame(plot: Plot, scale: Scale, width: number, content: readonly string[]): string {
  const { title, unit, labels, series, line } = plot;
  const grid = Array.from({ length: scale.ticks + 1 }, (_, tick) => {
    const y = at(scale.y(tick * scale.step));
    const label = `<text x="${LEFT - 8}" y="${y}" dy="4" text-anchor="end">${shorten(tick * scale.step)}</text>`;
    return `<line x1="${LEFT}" x2="${LEFT + AREA.width}" y1="${y}" y2="${y}" stroke="#ddd"/>${label}`;
  });
  const names = labels.map(
    (label, index) =>
      `<text x="${at(LEFT + (index + 0.5) * width)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${escape(label)}</text>`,
  );
  const legend = series.map(({ name }, place) => {
    const y = TOP + place * 22;
    const box = `<rect x="${WIDTH - RIGHT + 16}" y="${y}" width="12" height="12" fill="${colour(place)}"/>`;
    return `${box}<text x="${WIDTH - RIGHT + 34}" y="${y + 10}">${escape(name)}</text>`;
  });
  const compared =
    line === undefined
      ? []
      : [
          `<line x1="${LEFT}" x2="${LEFT + AREA.width}" y1="${at(scale.y(line))}" y2="${at(scale.y(line))}" stroke="#333" stroke-dasharray="4 3"/>`,
        ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="20" font-size="15" font-weight="bold">${escape(title)}</text>`,
    `<text x="${LEFT}" y="38" fill="#666">${escape(unit)}</text>`,
    ...grid,
    ...content,
    ...compared,
    ...names,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}

function colour(place: number): string {
  return COLOURS[place % COLOURS.length]!;
}

function at(pixels: number): string {
  return String(Math.round(pixels * 10) / 10);
}

function shorten(value: number): string {
  if (Math.abs(value) >= 10_000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
