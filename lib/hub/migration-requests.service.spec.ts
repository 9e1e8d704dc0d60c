import { describe, expect, it } from 'vitest';
import { MigrationRefusedException } from '../gateway/exceptions/migration-refused.exception.js';
import type { HubLink } from '../protocol/hub-link.js';
import type { HubCore } from './hub-core.js';
import type { CommandAnswer, MoveCommand } from './migration-commands.js';
import { MigrationRequests } from './migration-requests.service.js';

/** Requests to a relay that gives this answer. */
function fixture(answer: Partial<CommandAnswer> = {}) {
  const asked: unknown[] = [];
  const requests = new MigrationRequests();
  const command = (id: string, what: MoveCommand, done: (given: CommandAnswer) => void) => {
    asked.push([id, what]);
    done({ result: 'ok', state: 'requested', attempt: 3, server: 'hub-1', ...answer });
  };
  requests.attach({ command } as unknown as HubCore);
  return { requests, asked };
}

describe('MigrationRequests', () => {
  it('asks the relay, and gives a ticket to ask about it again', async () => {
    const { requests, asked } = fixture({ reason: 'requested', waitsFor: 'handlers' });
    const ticket = await requests.request('c1');
    expect(ticket).toMatchObject({
      connectionId: 'c1',
      state: 'requested',
      attempt: 3,
      server: 'hub-1',
      reason: 'requested',
      waitsFor: 'handlers',
    });
    await ticket.cancel();
    expect(await ticket.status()).toMatchObject({ connectionId: 'c1', attempt: 3 });
    expect(asked).toEqual([
      ['c1', { action: 'request', reason: 'requested' }],
      ['c1', { action: 'cancel' }],
      ['c1', { action: 'state' }],
    ]);
  });

  it('takes a serverId or a selector, a deadline and a reason', async () => {
    const { requests, asked } = fixture();
    await requests.request('c1', { to: 'hub-2', deadlineMs: 5, reason: 'balance' });
    await requests.request({ connectionId: 'c2' } as never, { to: { version: '2' } });
    expect(asked).toEqual([
      ['c1', { action: 'request', to: { serverId: 'hub-2' }, deadlineMs: 5, reason: 'balance' }],
      ['c2', { action: 'request', to: { version: '2' }, reason: 'requested' }],
    ]);
  });

  it.each([
    ['unknown', 'UnknownConnectionException'],
    ['tooLate', 'MigrationTooLateException'],
    ['notMigratable', 'NotMigratableException'],
    ['noTarget', 'NoMigrationTargetException'],
    ['closing', 'MigrationRefusedException'],
    ['alreadyThere', 'MigrationRefusedException'],
    ['nothingToCancel', 'MigrationRefusedException'],
    ['noAnswer', 'RelayUnavailableException'],
    ['noRelay', 'RelayUnavailableException'],
    ['busy', 'RelayUnavailableException'],
  ] as const)('turns the answer %s into a %s', async (result, name) => {
    const { requests } = fixture({ result });
    for (const asked of [requests.request('c1'), requests.cancel('c1'), requests.stateOf('c1')]) {
      const error: unknown = await asked.catch((it: unknown) => it);
      expect(error).toBeInstanceOf(MigrationRefusedException);
      expect(error).toMatchObject({ name, result, connectionId: 'c1' });
      expect((error as Error).message).toMatch(/onnection c1 ?:? \w/);
    }
  });

  it('has no relay in a process that is no hub server', async () => {
    await expect(new MigrationRequests().stateOf('c1')).rejects.toMatchObject({
      name: 'RelayUnavailableException',
      result: 'noRelay',
    });
  });

  it('tells the steps of all connections until the end', () => {
    const { requests } = fixture();
    const events: unknown[] = [];
    const change = { state: 'failed', attempt: 2, reason: 'refused', detail: 'no room' } as const;
    requests.changed({ connectionId: 'c0' } as HubLink, change);
    requests.events$.subscribe({
      next: (it) => events.push(it),
      complete: () => events.push('end'),
    });
    requests.changed({ connectionId: 'c1' } as HubLink, change);
    requests.end();
    expect(events).toEqual([{ connectionId: 'c1', ...change }, 'end']);
  });
});
