import { createInterface } from 'node:readline';
import { Load } from './load.js';

/** The load generator where there is no C compiler: the commands and answers are those of load.c. */
let load: Load | undefined;

const say = (answer: object) => process.stdout.write(`${JSON.stringify(answer)}\n`);

function fail(error: unknown): void {
  process.stderr.write(`${(error as Error).stack ?? String(error)}\n`, () => process.exit(1));
}

async function onCommand(line: string): Promise<void> {
  const [command, ...values] = line.split(' ');
  if (command === 'connect') return connect(values);
  if (!load) throw new Error(`"${line}" before there are clients`);
  const outstanding = Number(values[0]);
  if (command === 'echo' || command === 'fanOut' || command === 'turns')
    load.start({ kind: command, outstanding });
  else if (command === 'measure') say(load.measure());
  else if (command === 'end') say(load.end());
  else if (command === 'stop') say(await load.stop());
  else throw new Error(`"${line}" is no command`);
}

async function connect([clients, first, count, ports, path, ...frames]: string[]): Promise<void> {
  const bytes = frames.map((hex) => Buffer.from(hex === '-' ? '' : hex, 'hex'));
  const [hello, request, answer] = bytes as [Buffer, Buffer, Buffer];
  const target = {
    clients: Number(clients),
    sources: { first: Number(first), count: Number(count) },
    ports: ports!.split(',').map(Number),
    wire: { path: path!, hello, request, answer },
  };
  load = new Load(target, fail);
  say({ kind: 'connected', ...(await load.connect()) });
}

createInterface({ input: process.stdin })
  .on('line', (line) => void onCommand(line).catch(fail))
  .on('close', () => process.exit(0));
