import { describe, expect, it } from 'vitest';
import { closestName } from './closest-name.js';

const CANDIDATES = ['maxConnections', 'maxMessageBytes', 'ack'].map((name) => ({
  name,
  label: `relay.${name}`,
}));

describe('closestName', () => {
  it.each([
    ['maxConection', 'relay.maxConnections'],
    ['MAXCONNECTIONS', 'relay.maxConnections'],
    ['maxMesageByte', 'relay.maxMessageBytes'],
    ['ackk', 'relay.ack'],
  ])('%s is near', (given, label) => expect(closestName(given, CANDIDATES)).toBe(label));

  it.each(['', 'x', 'xyz', 'timeout', 'maxConnections'.repeat(100)])(
    '%s is near to none',
    (given) => expect(closestName(given, CANDIDATES)).toBeUndefined(),
  );

  it('takes the first of equals', () => {
    const equals = ['relay', 'hub'].map((label) => ({ name: 'retainedBytes', label }));
    expect(closestName('retainedByte', equals)).toBe('relay');
  });
});
