import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageType } from './messages.js';
import { MESSAGE_SCHEMAS } from './schema.js';

const check = (type: number, value: unknown) => MESSAGE_SCHEMAS.get(type)!(value);

const OPEN = {
  connectionId: 'c',
  epoch: 1,
  port: 0,
  path: '/',
  request: {
    method: 'GET',
    url: '/',
    httpVersion: '1.1',
    rawHeaders: ['Host', 'x'],
    remoteAddress: '::1',
    remotePort: 1,
    encrypted: false,
  },
  inbound: 0,
};

describe('MESSAGE_SCHEMAS', () => {
  it('know every message but data and acknowledgements', () => {
    const { Data: _, Ack: __, ...control } = MessageType;
    expect([...MESSAGE_SCHEMAS.keys()].sort()).toEqual(Object.values(control).sort());
  });

  it('never throw, whatever they are given', () => {
    const types = fc.constantFrom(...MESSAGE_SCHEMAS.keys());
    fc.assert(
      fc.property(types, fc.anything(), (type, value) => {
        expect(['string', 'undefined']).toContain(typeof check(type, value));
      }),
      { numRuns: 2000 },
    );
  });

  it('accept a message with unknown fields, and nil for an absent one', () => {
    expect(check(MessageType.OpenConnection, OPEN)).toBeUndefined();
    const more = { ...OPEN, protocol: null, migration: null, later: { a: 1 } };
    expect(check(MessageType.OpenConnection, more)).toBeUndefined();
  });

  it.each(Object.keys(OPEN))('name the field that is missing: %s', (name) => {
    const { [name as keyof typeof OPEN]: _, ...rest } = OPEN;
    expect(check(MessageType.OpenConnection, rest)).toContain(`field "${name}"`);
  });

  it.each([
    [{ ...OPEN, epoch: 0 }, 'field "epoch" must be an integer from 1'],
    [{ ...OPEN, epoch: '1' }, 'field "epoch" must be an integer'],
    [{ ...OPEN, port: 65_536 }, 'field "port" must be an integer from 0 to 65535'],
    [{ ...OPEN, connectionId: 'c'.repeat(129) }, 'at most 128 characters'],
    [{ ...OPEN, request: { ...OPEN.request, rawHeaders: ['a', 1] } }, 'item 1 must be a string'],
    [{ ...OPEN, migration: { server: 's' } }, 'field "migration" field "reason"'],
    [[], 'must be a map'],
    [null, 'must be a map'],
  ])('say what is wrong', (value, fault) => {
    expect(check(MessageType.OpenConnection, value)).toContain(fault);
  });
});
