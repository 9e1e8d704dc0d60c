/** A set of numbers that are not 0, in one piece of memory: millions cost the collector nothing. */
export class NumberSet {
  size = 0;
  private slots = new Float64Array(1 << 16);

  /** @returns whether it was not there before */
  add(value: number): boolean {
    if (!this.insert(value)) return false;
    this.size++;
    if (this.size * 2 > this.slots.length) this.grow();
    return true;
  }

  private insert(value: number): boolean {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = value & mask;
    while (slots[at] !== 0) {
      if (slots[at] === value) return false;
      at = (at + 1) & mask;
    }
    slots[at] = value;
    return true;
  }

  private grow() {
    const old = this.slots;
    this.slots = new Float64Array(old.length * 2);
    for (const value of old) if (value !== 0) this.insert(value);
  }
}
