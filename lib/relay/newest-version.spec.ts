import { describe, expect, it } from 'vitest';
import { PlayedRelay } from '../../test/support/played-relay-fixture.js';
import { preferNewest } from './newest-version.js';

const server = (name: string, version: string, startedAt?: number) => ({
  name,
  version,
  startedAt,
});
type Server = ReturnType<typeof server>;

const preferred = (candidates: Server[], servers: Server[]) =>
  preferNewest(candidates, servers).map(({ name }) => name);

describe('of the servers that could take a moving client, those are preferred', () => {
  const a1 = server('a1', 'v1', 100);
  const b1 = server('b1', 'v1', 110);
  const a2 = server('a2', 'v2', 200);
  const b2 = server('b2', 'v2', 210);

  it('of the new version, in a rollout', () => {
    expect(preferred([b1, a2], [a1, b1, a2])).toEqual(['a2']);
    expect(preferred([a2, b2], [b1, a2, b2])).toEqual(['a2', 'b2']);
  });

  it('of the old version, in a rollback, since they started last', () => {
    const back = server('back', 'v1', 300);
    expect(preferred([b2, back], [a2, b2, back])).toEqual(['back']);
  });

  it('of the same version as the newest one, when that takes none itself', () => {
    expect(preferred([b1, a2], [b1, a2, b2])).toEqual(['a2']);
  });

  it('all alike when they have the same version', () => {
    expect(preferred([a1, b1], [a1, b1])).toEqual(['a1', 'b1']);
  });

  it('whichever there are when nothing newer takes it', () => {
    expect(preferred([b1], [a1, b1, a2])).toEqual(['b1']);
    expect(preferred([], [a1])).toEqual([]);
  });

  it('that joined last, of two versions that started at the same time', () => {
    const twin = server('twin', 'v2', 100);
    expect(preferred([a1, twin], [a1, twin])).toEqual(['twin']);
  });

  it('that say when they started, and all when none does', () => {
    const silent = server('silent', 'v0');
    const other = server('other', 'v9');
    expect(preferred([silent, a1], [silent, a1, other])).toEqual(['a1']);
    expect(preferred([silent, other], [silent, other])).toEqual(['silent', 'other']);
  });
});

describe('in a rolling deploy', () => {
  it('a client goes to the new version at once and is not moved again', () => {
    const t = new PlayedRelay();
    const a1 = t.hub('a1', { version: 'v1', startedAt: 100 });
    const client = t.client(a1);
    const b1 = t.hub('b1', { version: 'v1', startedAt: 110 });
    const a2 = t.hub('a2', { version: 'v2', startedAt: 200 });
    a1.drain(10_000);
    a1.ready();
    a2.accept();
    a1.released();
    expect([client.serverId, b1.take()]).toEqual(['a2', []]);
    t.hub('b2', { version: 'v2', startedAt: 210 });
    b1.drain(10_000);
    t.run(1000);
    expect([client.serverId, client.moving, t.core.counters.migrations]).toEqual(['a2', false, 1]);
  });

  it('a client that comes is not concerned: it has not moved yet', () => {
    const t = new PlayedRelay();
    t.hub('a2', { version: 'v2', startedAt: 200 });
    t.client();
    const b1 = t.hub('b1', { version: 'v1', startedAt: 100 });
    t.client(b1);
    expect(t.core.server('b1')?.connections.size).toBe(1);
  });

  it('what is asked for counts more, and another version when the new one refuses', () => {
    const t = new PlayedRelay();
    const a1 = t.hub('a1', { version: 'v1', startedAt: 100 });
    const client = t.client(a1);
    const b1 = t.hub('b1', { version: 'v1', startedAt: 110 });
    const a2 = t.hub('a2', { version: 'v2', startedAt: 200 });
    t.core.migrations.request(client.connectionId, { to: { version: 'v1' } });
    expect(t.core.migrations.state(client.connectionId).state).toBe('none');
    t.core.migrations.request(client.connectionId, { to: { serverId: 'b1' } });
    a1.ready();
    expect([a2.take(), b1.take().length]).toEqual([[], 1]);
    b1.accept();
    a1.released();
    b1.drain(10_000);
    b1.ready(2);
    a2.refuse();
    a1.accept();
    expect(client.serverId).toBe('a1');
  });
});
