import type { HubLink } from '../protocol/hub-link.js';
import type { StoredContexts } from './stored-contexts.js';

export interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

export class StorageLane {
  constructor(
    private readonly link: HubLink,
    readonly stored: StoredContexts,
  ) {}
  changed(_sequence: number, _bytes: Uint8Array | undefined): void {}
  add(numbers: readonly number[], waiter: Waiter | undefined): void {
    for (const number of numbers) this.link.acknowledge(number);
    waiter?.resolve();
  }
  letGo(): void {}
  end(_moved: boolean): void {}
}
