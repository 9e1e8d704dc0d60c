import { beforeEach, describe, expect, it } from 'vitest';
import { RelayLinkFixture } from '../../test/support/relay-link-fixture.js';

let t: RelayLinkFixture;
beforeEach(() => (t = new RelayLinkFixture()));

describe('backpressure', () => {
  it('pauses the client at the bound and resumes it at half', () => {
    for (let i = 0; i < 10; i++) t.say('x');
    expect(t.owner.pauseClient).toHaveBeenCalledTimes(1);
    t.a.end!.onAck(4, []);
    expect(t.owner.resumeClient).not.toHaveBeenCalled();
    t.a.end!.onAck(5, []);
    expect(t.owner.resumeClient).toHaveBeenCalledTimes(1);
    expect(t.budget.used).toBe(t.link.retainedBytes);
  });

  it('resumes a paused client at the end, so that its close is seen', () => {
    for (let i = 0; i < 10; i++) t.say('x');
    t.link.forceClose(1012, 'noTarget');
    t.a.closed();
    expect(t.owner.resumeClient).toHaveBeenCalledTimes(1);
    expect([t.budget.used, t.owner.ended.mock.calls.length]).toEqual([0, 1]);
  });

  it('pauses while all connections together are over the bound', () => {
    t.budget.add(1000);
    t.say('x');
    expect(t.owner.pauseClient).toHaveBeenCalledTimes(1);
    t.budget.remove(500);
    expect(t.owner.resumeClient).toHaveBeenCalledTimes(1);
  });
});
