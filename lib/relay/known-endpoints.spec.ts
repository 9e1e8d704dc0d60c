import { describe, expect, it } from 'vitest';
import { KnownEndpoints } from './known-endpoints.js';

describe('KnownEndpoints', () => {
  it('finds the endpoint of a path, else that of all paths of its port', () => {
    const known = new KnownEndpoints();
    known.add([
      { port: 0, path: '/chat', maxPayload: 5 },
      { port: 81, path: '*' },
      { port: 81, path: '/game' },
    ]);
    expect(known.find({ port: 0, path: '/chat' })).toMatchObject({ maxPayload: 5 });
    expect(known.find({ port: 0, path: '/other' })).toBeUndefined();
    expect(known.find({ port: 81, path: '/game' })).toMatchObject({ path: '/game' });
    expect(known.find({ port: 81, path: '/other' })).toMatchObject({ path: '*' });
  });

  it('has what was announced last', () => {
    const known = new KnownEndpoints();
    known.add([{ port: 0, path: '/chat', maxPayload: 5 }]);
    known.add([{ port: 0, path: '/chat' }]);
    expect(known.find({ port: 0, path: '/chat' })).toEqual({ port: 0, path: '/chat' });
  });

  it('takes no more than ten thousand, of which it still has the latest', () => {
    const known = new KnownEndpoints();
    known.add(Array.from({ length: 10_000 }, (_, i) => ({ port: 0, path: `/${i}` })));
    known.add([
      { port: 0, path: '/one-more' },
      { port: 0, path: '/0', compress: true },
    ]);
    expect(known.find({ port: 0, path: '/one-more' })).toBeUndefined();
    expect(known.find({ port: 0, path: '/0' })).toMatchObject({ compress: true });
  });
});
