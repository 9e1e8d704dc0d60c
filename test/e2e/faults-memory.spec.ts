import { describe, expect, it } from 'vitest';
import { connect, eventually, type TestClient } from '../conformance/support/client.js';
import { until } from '../support/until.js';
import { Deployment } from './support/deployment.js';
import { numbersTo } from './support/numbered-client.js';

const CLIENTS = 4;
/** Message n has so many bytes and n more: its size is its number. */
const SIZE = 10_000;
const OWN_BYTES = 300_000;
const TOTAL_BYTES = 700_000;
/** What a socket reads at once, and a message that was begun before. */
const READ_BYTES = 65_536 + 2 * SIZE;
/** More than the sockets' buffers of this host hold, so that a client that is held notices. */
const EACH = 1500;
const KEPT_BACK = 500_000;

interface Answer {
  data: { size: number };
}

/** Sends numbered messages at full speed: always some are waiting in its own socket. */
class Flooder {
  sent = 0;

  constructor(readonly client: TestClient) {}

  flood(): void {
    while (this.sent < EACH && this.client.socket.bufferedAmount < KEPT_BACK) {
      this.client.emit('size', 'x'.repeat(SIZE + ++this.sent));
    }
    if (this.sent < EACH) setTimeout(() => this.flood(), 5);
  }

  get answered(): number[] {
    return this.client.inbox.map(({ json }) => (json as Answer).data.size - SIZE);
  }
}

describe('a relay whose hub servers are gone', () => {
  it('holds no more than it may, slows its clients, and loses nothing', async () => {
    const deployment = await Deployment.start({
      MIGRATION_RELAY_RETAINED_BYTES: String(OWN_BYTES),
      MIGRATION_RELAY_RETAINED_TOTAL_BYTES: String(TOTAL_BYTES),
      MIGRATION_RELAY_HUB_RECONNECT_GRACE_MS: '200',
    });
    const [a] = await deployment.hubs('a');
    const b = await deployment.prepare('b');
    const flooders = await Promise.all(
      Array.from(
        { length: CLIENTS },
        async () => new Flooder(await connect(deployment.url('/chat'))),
      ),
    );
    a!.kill('SIGKILL');
    await a!.exited;
    for (const flooder of flooders) flooder.flood();

    let most = 0;
    let before = -1;
    // Until all clients wait: the relay takes nothing more.
    await until(async () => {
      const { retainedBytes } = await deployment.stats();
      const last = before;
      most = Math.max(most, (before = retainedBytes));
      const waiting = flooders.every(({ client }) => client.socket.bufferedAmount >= KEPT_BACK);
      if (!waiting || last !== retainedBytes) throw new Error('the relay still takes messages');
    });
    expect(most).toBeGreaterThan(TOTAL_BYTES / 2);
    expect(most).toBeLessThan(TOTAL_BYTES + CLIENTS * READ_BYTES);
    expect(await deployment.stats()).toMatchObject({ clients: CLIENTS, lostWithServer: 0 });

    await deployment.join(b);
    await until(() => {
      for (const { answered } of flooders) expect(answered.length).toBe(EACH);
    });
    for (const { answered, client } of flooders) {
      expect(answered).toEqual(numbersTo(EACH));
      expect(client.socket.readyState).toBe(client.socket.OPEN);
    }
    await eventually(async () => {
      expect(await deployment.stats()).toMatchObject({ clients: CLIENTS, retainedBytes: 0 });
    });
  });
});
