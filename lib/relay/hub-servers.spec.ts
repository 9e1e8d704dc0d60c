import { beforeEach, describe, expect, it } from 'vitest';
import { PlayedRelay } from '../../test/support/played-relay-fixture.js';
import type { PlayedHub } from '../../test/support/played-relay-fixture.js';
import { MessageType } from '../protocol/messages.js';
import type { ClientConnection } from './client-connection.js';

let t: PlayedRelay;
let a: PlayedHub;
let client: ClientConnection;
beforeEach(() => {
  t = new PlayedRelay({ hubReconnectGraceMs: 500 });
  a = t.hub('a');
  client = t.client(a);
});

describe('a hub server that loses its last service connection', () => {
  it('is forgotten at once when nothing is expected of it', () => {
    client.closed(1000, '');
    a.say({ type: MessageType.ConnectionClosed });
    a.lose();
    expect(t.core.server('a')).toBeUndefined();
  });

  it('has the time to return while it has connections', () => {
    a.lose();
    expect([t.core.server('a')?.connections.size, client.moving]).toEqual([1, true]);
    t.run(500);
    expect(t.core.server('a')).toBeUndefined();
  });

  it('has the time to return and to say its last word on a connection that has left it', () => {
    const b = t.hub('b');
    t.core.migrations.request(client.connectionId);
    a.ready();
    b.accept();
    a.lose();
    expect(client.moving).toBe(true);
    a = t.hub('a');
    const { connectionId } = client;
    expect(a.take()).toMatchObject([
      { type: MessageType.MigrateConnectionAck, connectionId, outcome: 'committed', server: 'b' },
    ]);
    a.say({
      type: MessageType.ReclaimConnections,
      connections: [{ connectionId, epoch: 1 }],
    });
    expect(a.take()).toEqual([]);
    a.say({ type: MessageType.RebindConnectionResponse, accepted: true, received: 0 });
    a.released();
    expect(client.moving).toBe(false);
  });
});
