/** Collects the smallest of many names, in order, holding no more than asked for. */
export class SmallestNames {
  readonly sorted: string[] = [];

  constructor(private readonly limit: number) {}

  /** Whether the name is among the smallest so far. */
  wants(name: string): boolean {
    return this.sorted.length < this.limit || name < this.sorted.at(-1)!;
  }

  add(name: string): void {
    this.sorted.splice(this.placeOf(name), 0, name);
    if (this.sorted.length > this.limit) this.sorted.pop();
  }

  private placeOf(name: string): number {
    let [from, to] = [0, this.sorted.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.sorted[middle]! < name) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
