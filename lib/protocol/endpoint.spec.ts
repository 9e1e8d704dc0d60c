import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointName, normalizePath } from './endpoint.js';

const paths = fc
  .array(fc.constantFrom('/', '//', 'a', 'chat', '%2F', '.', '*'), { maxLength: 8 })
  .map((parts) => parts.join(''));

describe('endpointName', () => {
  it('is the port and the path', () => {
    expect(endpointName({ port: 0, path: '/chat' })).toBe('0/chat');
    expect(endpointName({ port: 81, path: '*' })).toBe('81*');
  });

  it('is of one endpoint alone', () => {
    const endpoints = fc.record({
      port: fc.integer({ min: 0, max: 65_535 }),
      path: fc.oneof(fc.constant('*'), paths.map(normalizePath)),
    });
    fc.assert(
      fc.property(endpoints, endpoints, (one, other) => {
        const isSame = one.port === other.port && one.path === other.path;
        expect(endpointName(one) === endpointName(other)).toBe(isSame);
      }),
    );
  });
});

describe('normalizePath', () => {
  it.each([
    [undefined, '/'],
    ['', '/'],
    ['/', '/'],
    ['///', '/'],
    ['chat', '/chat'],
    ['/chat', '/chat'],
    ['chat/', '/chat'],
    ['//chat//room//', '/chat/room'],
    ['/Chat', '/Chat'],
    ['/a/../b', '/a/../b'],
  ])('makes of %j %j', (path, normal) => {
    expect(normalizePath(path)).toBe(normal);
  });

  it('gives a path with a leading slash, without a trailing or doubled one, that stays as it is', () => {
    fc.assert(
      fc.property(paths, (path) => {
        const normal = normalizePath(path);
        expect(normal).toMatch(/^\/(?!\/)/);
        expect(normal).not.toMatch(/\/\/|.\/$/);
        expect(normalizePath(normal)).toBe(normal);
        expect(normalizePath(`//${path}//`)).toBe(normal);
      }),
    );
  });
});
