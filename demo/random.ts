/** Numbers from 0 up to 1. */
export type Random = () => number;

/** mulberry32: small, and the same on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  };
}

/** What a client sends next, and when. */
export interface PlannedMessage {
  delayMs: number;
  size: number;
  /** Into how many WebSocket fragments the message is cut. */
  fragments: number;
  /** The time between two fragments. */
  fragmentGapMs: number;
}

/** Mostly small messages; one in 40 has 10 to 100 KiB; large ones and one in 20 others are cut. */
export function planMessage(random: Random, rate: number): PlannedMessage {
  const delayMs = ((0.5 + random()) * 1000) / rate;
  const large = random() < 1 / 40;
  const size = Math.floor(large ? (10 + random() * 90) * 1024 : random() * 120);
  const cut = large ? random() < 0.75 : random() < 1 / 20;
  const fragments = cut ? 2 + Math.floor(random() * 3) : 1;
  return { delayMs, size, fragments, fragmentGapMs: Math.floor(random() * 40) };
}
