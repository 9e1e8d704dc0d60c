/** A name that could have been meant, and how it is shown. */
export interface NameCandidate {
  readonly name: string;
  readonly label: string;
}

const LONGEST_NAME = 100;

/** The label of the candidate a mistyped name is nearest to; of equals the first; none if far. */
export function closestName(
  given: string,
  candidates: readonly NameCandidate[],
): string | undefined {
  if (given.length > LONGEST_NAME) {
    return undefined;
  }
  let nearest: string | undefined;
  let best = Math.min(3, Math.ceil(given.length / 3)) + 1;
  for (const { name, label } of candidates) {
    const isTooFar = Math.abs(given.length - name.length) >= best;
    const distance = isTooFar ? best : editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < best) {
      best = distance;
      nearest = label;
    }
  }
  return nearest;
}

function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const removed = (previous[column] ?? 0) + 1;
      const added = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(replaced, removed, added));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
