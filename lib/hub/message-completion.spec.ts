import { describe, expect, it } from 'vitest';
import type { HubLink } from '../protocol/hub-link.js';
import { MessageCompletion } from './message-completion.js';

function setUp() {
  const said: string[] = [];
  const say = (word: string) => (number?: number) => void said.push(`${word} ${number ?? ''}`);
  const link: Partial<HubLink> = {
    connectionId: 'c1',
    dispatched: say('dispatched'),
    handled: say('handled'),
    suspended: say('suspended'),
    resumed: say('resumed'),
  };
  return { completion: new MessageCompletion(link as HubLink, 7), said };
}

describe('MessageCompletion', () => {
  it('is dispatched when the listeners have it, and handled at the end of the last handler', () => {
    const { completion, said } = setUp();
    completion.begin();
    completion.begin();
    completion.dispatched();
    completion.end();
    expect(said).toEqual(['dispatched 7']);
    completion.end();
    expect(said).toEqual(['dispatched 7', 'handled 7']);
  });

  it('is dispatched at its end when it may be suspended', () => {
    const { completion, said } = setUp();
    completion.mayBeSuspended();
    completion.begin();
    completion.dispatched();
    expect(said).toEqual([]);
    completion.end();
    expect(said).toEqual(['dispatched 7', 'handled 7']);
  });

  it('is suspended when no handler is at work and one has stopped', () => {
    const { completion, said } = setUp();
    completion.mayBeSuspended();
    completion.begin();
    completion.begin();
    completion.dispatched();
    completion.suspend();
    expect(said).toEqual([]);
    completion.end();
    expect(said).toEqual(['suspended 7']);
    completion.resume();
    completion.end();
    expect(said).toEqual(['suspended 7', 'resumed ', 'dispatched 7', 'handled 7']);
  });

  it('is at work all the time when one handler goes on before the others are done', () => {
    const { completion, said } = setUp();
    completion.mayBeSuspended();
    completion.begin();
    completion.begin();
    completion.dispatched();
    completion.suspend();
    completion.resume();
    completion.suspend();
    completion.resume();
    completion.end();
    completion.end();
    expect(said).toEqual(['dispatched 7', 'handled 7']);
  });
});
