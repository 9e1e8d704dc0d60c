import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ManagedProcess } from '../../../demo/managed-process.js';
import { until } from '../../../demo/until.js';
import { findProgram } from './find-program.js';
import type { Flavour } from './options.js';
import { Workers } from './workers.js';

/** The configurations are no sources: they stay where they are when this is compiled. */
const FILES = fileURLToPath(new URL('../../../../sample/03-ingress-reload', import.meta.url));
const START_MS = 15_000;
/** Above the time after which old workers cut what they still have. */
const RELOAD_MS = 15_000;
const STOP_MS = 10_000;

export interface IngressSettings {
  /** The name by which the relay knows it. */
  id: string;
  flavour: Flavour;
  /** Where it listens. */
  port: number;
  relayPort: number;
  /** A folder of its own, which it makes. */
  directory: string;
}

/** One instance of nginx or HAProxy in front of the relay. */
export class Ingress {
  private readonly workers: Workers;
  private readonly master: ManagedProcess;

  constructor(readonly settings: IngressSettings) {
    const { id, flavour, port, relayPort, directory } = settings;
    const program = flavour === 'nginx' ? 'nginx' : 'haproxy';
    const env = {
      PATH: process.env.PATH,
      INGRESS_ID: id,
      INGRESS_PORT: String(port),
      RELAY_PORT: String(relayPort),
    };
    mkdirSync(directory);
    this.workers = new Workers(program);
    const args = program === 'nginx' ? nginxArguments(directory, env) : haproxyArguments(flavour);
    this.master = new ManagedProcess(id, findProgram(program), args, {
      env,
      cwd: directory,
      hasChildren: true,
      onLine: (line) => this.workers.read(line),
    });
  }

  get id(): string {
    return this.settings.id;
  }

  /** Waits until it takes connections. */
  async ready(): Promise<void> {
    const isUp = async () =>
      this.master.hasExited || (this.workers.running.size > 0 && (await this.answers()));
    if (!(await until(isUp, START_MS)) || this.master.hasExited) {
      throw this.master.failure('did not start');
    }
  }

  /** Reloads it; resolves when the old workers have cut what they had and are gone. */
  async reload(): Promise<void> {
    const old = [...this.workers.running];
    // The same as "nginx -s reload", and what "systemctl reload haproxy" does.
    this.master.signal(this.settings.flavour === 'nginx' ? 'SIGHUP' : 'SIGUSR2');
    const isOver = () => this.master.hasExited || this.workers.haveReplaced(old);
    if (!(await until(isOver, RELOAD_MS)) || this.master.hasExited) {
      throw this.master.failure('was not reloaded');
    }
  }

  /** Returns what was wrong with the end, if anything. */
  async stop(): Promise<string | undefined> {
    return this.master.stop(STOP_MS);
  }

  kill(): void {
    this.master.kill();
  }

  private answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.settings.port, '127.0.0.1');
      socket.on('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
  }
}

/** nginx has no variables of the environment: they are filled in, as envsubst does. */
function nginxArguments(directory: string, env: NodeJS.ProcessEnv): string[] {
  const template = readFileSync(join(FILES, 'nginx/nginx.conf.template'), 'utf8');
  const config = template.replaceAll(/\$\{([A-Z_]+)\}/g, (_, name: string) => env[name]!);
  writeFileSync(join(directory, 'nginx.conf'), config);
  return ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr'];
}

function haproxyArguments(flavour: Flavour): string[] {
  return ['-W', '-f', join(FILES, 'haproxy', `${flavour}.cfg`)];
}
