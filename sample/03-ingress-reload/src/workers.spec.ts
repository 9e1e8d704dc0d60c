import { describe, expect, it } from 'vitest';
import { Workers } from './workers.js';

const logs = {
  nginx: {
    start: '2026/11/24 07:39:19 [notice] 7589#7589: start worker process 7591',
    reload: [
      '2026/11/24 07:39:19 [notice] 7589#7589: signal 1 (SIGHUP) received from 7593, reconfiguring',
      '2026/11/24 07:39:19 [notice] 7589#7589: start worker processes',
      '2026/11/24 07:39:19 [notice] 7589#7589: start worker process 7595',
      '2026/11/24 07:39:20 [notice] 7591#7591: gracefully shutting down',
      '2026/11/24 07:39:20 [notice] 7589#7589: signal 17 (SIGCHLD) received from 7591',
    ],
    end: '2026/11/24 07:39:20 [notice] 7589#7589: worker process 7591 exited with code 0',
  },
  haproxy: {
    start: '[NOTICE]   (7589) : New worker (7591) forked',
    reload: [
      '[NOTICE]   (7589) : Reloading HAProxy',
      '[NOTICE]   (7589) : New worker (7595) forked',
      '[WARNING]  (7591) : Proxy ingress stopped (cumulated conns: FE: 1, BE: 0).',
    ],
    end: '[WARNING]  (7589) : Former worker (7591) exited with code 0 (Exit)',
  },
};

describe.each(['nginx', 'haproxy'] as const)('workers of %s', (program) => {
  it('are replaced when the old ones have ended', () => {
    const { start, reload, end } = logs[program];
    const workers = new Workers(program);
    expect(workers.haveReplaced([])).toBe(false);
    workers.read(start);
    expect([...workers.running]).toEqual([7591]);
    for (const line of reload) workers.read(line);
    expect(workers.haveReplaced([7591])).toBe(false);
    workers.read(end);
    expect([...workers.running]).toEqual([7595]);
    expect(workers.haveReplaced([7591])).toBe(true);
  });
});
