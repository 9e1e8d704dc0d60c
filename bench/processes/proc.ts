import { readdirSync, readFileSync } from 'node:fs';
import type { Usage } from './messages.js';

const NANOSECONDS_PER_MICROSECOND = 1000;
const KIBIBYTE = 1024;

/** What a program that is not ours uses, its child processes included; Linux only. */
export function usageOf(pid: number): Usage {
  const all = [pid, ...childrenOf(pid)].map((each) => ({
    cpu: cpuMicrosOf(each),
    rss: rssOf(each),
  }));
  return {
    kind: 'usage',
    cpuMicros: all.reduce((sum, { cpu }) => sum + cpu, 0),
    rss: all.reduce((sum, { rss }) => sum + rss, 0),
  };
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function cpuMicrosOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const schedule = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
    return sum + Number(schedule.split(' ', 1)[0]) / NANOSECONDS_PER_MICROSECOND;
  }, 0);
}

function rssOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * KIBIBYTE;
}
