import { readdirSync, readFileSync } from 'node:fs';

const NANOSECONDS_PER_MICROSECOND = 1000;
const KIBIBYTE = 1024;

/** CPU time of a process and its children so far, in microseconds. The process is not disturbed. */
export function cpuMicrosOf(pid: number): number {
  return sum(withChildren(pid).flatMap(threadTimes));
}

/** Resident bytes of a process and its children. */
export function rssOf(pid: number): number {
  return sum(withChildren(pid).map(ownRss));
}

function withChildren(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...(text === '' ? [] : text.split(' ').map(Number))];
}

function threadTimes(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const schedule = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
    return Number(schedule.split(' ', 1)[0]) / NANOSECONDS_PER_MICROSECOND;
  });
}

function ownRss(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * KIBIBYTE;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
