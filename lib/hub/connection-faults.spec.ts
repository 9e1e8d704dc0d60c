import { describe, expect, it } from 'vitest';
import { ConnectionFaults } from './connection-faults.js';

class Gateway {
  readonly seen: unknown[] = [];

  handleConnection(client: object, request: string): string {
    this.seen.push([client, request]);
    if (request === 'bad') throw new Error('no');
    return 'done';
  }
}

describe('ConnectionFaults', () => {
  it('keeps what handleConnection throws, for its client, once', () => {
    const faults = new ConnectionFaults(() => {});
    const gateway = new Gateway();
    faults.watch(gateway);
    const [good, bad] = [{}, {}];
    expect(gateway.handleConnection(good, 'good')).toBe('done');
    expect(gateway.handleConnection(bad, 'bad')).toBeUndefined();
    expect(gateway.seen).toEqual([
      [good, 'good'],
      [bad, 'bad'],
    ]);
    expect(faults.take(good)).toBeUndefined();
    expect(faults.take(bad)).toEqual({ error: new Error('no') });
    expect(faults.take(bad)).toBeUndefined();
  });

  it('keeps even a thrown undefined apart from nothing', () => {
    const faults = new ConnectionFaults(() => {});
    const gateway = {
      handleConnection(_client: object): void {
        throw undefined;
      },
    };
    faults.watch(gateway);
    const client = {};
    gateway.handleConnection(client);
    expect(faults.take(client)).toEqual({ error: undefined });
  });

  it('reports what handleDisconnect throws', () => {
    const reported: unknown[] = [];
    const faults = new ConnectionFaults((error) => reported.push(error));
    const gateway = {
      handleDisconnect(_client: object): void {
        throw new Error('gone');
      },
    };
    faults.watch(gateway);
    const client = {};
    gateway.handleDisconnect(client);
    expect(reported).toEqual([new Error('gone')]);
    expect(faults.take(client)).toBeUndefined();
  });

  it('leaves other gateways of the class, and gateways without the method, as they are', () => {
    const faults = new ConnectionFaults(() => {});
    const [watched, other] = [new Gateway(), new Gateway()];
    faults.watch(watched);
    faults.watch({});
    expect(() => other.handleConnection({}, 'bad')).toThrow('no');
    expect(Object.keys(watched)).toEqual(['seen']);
  });
});
