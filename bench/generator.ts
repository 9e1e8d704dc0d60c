import { setTimeout as sleep } from 'node:timers/promises';
import { Load } from './load.js';
import type { Job, LoadResult } from './messages.js';
import { fail, onTold, tell } from './parent.js';

const HOST = '127.0.0.1';

/** A load generator: does one job in its own process and ends. */
let load: Load;
let job: Job;

onTold(async (message) => {
  if (message.kind === 'job') {
    job = message;
    load = new Load(job.scenario, (error) => void fail(error));
    await load.connect(HOST, job.port);
    load.start();
    await sleep(job.warmUpMs);
    await tell({ kind: 'warm' });
  } else {
    await tell(await measure());
    process.exit(0);
  }
});

async function measure(): Promise<LoadResult> {
  const before = { received: load.received, cpu: process.cpuUsage(), at: performance.now() };
  await sleep(job.measureMs);
  const messages = load.received - before.received;
  const { user, system } = process.cpuUsage(before.cpu);
  const seconds = (performance.now() - before.at) / 1000;
  await load.finish();
  return {
    kind: 'result',
    messages,
    seconds,
    messagesToTheEnd: load.received - before.received,
    cpuShare: (user + system) / 1e6 / seconds,
  };
}
