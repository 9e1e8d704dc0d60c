import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../compile.js';
import { findProgram, freePort } from './programs.js';
import { haproxyConfiguration, nginxConfiguration } from './proxy-configurations.js';
import { NodeServer, ProgramServer, type ServerProcess } from './server-process.js';
import type { Subject } from './subjects.js';
import { whenListening } from './when-listening.js';
import type { ServerRole } from '../servers/started-server.js';

export interface SubjectOptions {
  /** Core of all its processes. */
  readonly core: number | undefined;
  /** Folder for CPU profiles. */
  readonly profile?: string | undefined;
  readonly maxFiles: number;
  /** Of a subject that has relays; 1 if it is not said. */
  readonly relays?: number;
  /** Of a relay; undefined: the default. */
  readonly migrationsPerSecond?: number;
}

/** A subject's processes, ready for clients. */
export class RunningSubject {
  readonly processes: ServerProcess[] = [];
  /** Where clients connect. */
  readonly ports: number[] = [];
  private folder: string | undefined;

  constructor(
    readonly subject: Subject,
    private readonly options: SubjectOptions,
  ) {}

  async start(): Promise<void> {
    switch (this.subject.id) {
      case 'nginx':
      case 'haproxy':
        return this.startProxy(this.subject.id);
      case 'splice':
        return this.startSplice();
      case 'socket.io':
        return this.startSocketIo();
      case 'split':
        for (let started = 0; started < (this.options.relays ?? 1); started += 1) {
          await this.startFront('relay', this.options.migrationsPerSecond);
        }
        await this.startHub();
        return;
      case 'unix':
        return this.startOverSocket();
      default:
        await this.startFront(this.subject.id);
    }
  }

  /** One more hub server at the relays. */
  async startHub(): Promise<NodeServer> {
    const hub = this.add(new NodeServer('hub', this.ports, this.options));
    await hub.whenReady();
    return hub;
  }

  /** Stops the last started first. */
  async stop(): Promise<void> {
    for (const server of this.processes.toReversed()) await server.stop();
    this.removeFolder();
  }

  kill(): void {
    for (const server of this.processes) server.kill();
    this.removeFolder();
  }

  /** It has gone, and is not stopped any more. */
  forget(server: ServerProcess): void {
    this.processes.splice(this.processes.indexOf(server), 1);
  }

  private add<T extends ServerProcess>(server: T): T {
    this.processes.push(server);
    return server;
  }

  /** A server that clients connect to. */
  private async startFront(
    role: ServerRole,
    ...args: (string | number | undefined)[]
  ): Promise<number> {
    const given = args.filter((value) => value !== undefined);
    const port = await this.add(new NodeServer(role, given, this.options)).whenReady();
    this.ports.push(port!);
    return port!;
  }

  private async startOverSocket(): Promise<void> {
    const path = join(this.makeFolder(), 'relay.sock');
    await this.startFront('relay', path);
    await this.add(new NodeServer('hub', [path], this.options)).whenReady();
  }

  private async startProxy(program: 'nginx' | 'haproxy'): Promise<void> {
    const upstream = await this.startFront('stock');
    const port = await freePort();
    const folder = this.makeFolder();
    const file = join(folder, `${program}.conf`);
    const configuration = program === 'nginx' ? nginxConfiguration : haproxyConfiguration;
    writeFileSync(file, configuration(port, upstream, this.options.maxFiles));
    const args = program === 'nginx' ? ['-p', folder, '-e', 'stderr', '-c', file] : ['-f', file];
    await this.startProgram(program, [findProgram(program)!, ...args], folder, port);
    this.ports.splice(0, 1, port);
  }

  private async startSocketIo(): Promise<void> {
    const port = await freePort();
    const command = [
      findProgram('redis-server')!,
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--save',
      '',
      '--appendonly',
      'no',
    ];
    await this.startProgram('redis-server', command, this.makeFolder(), port);
    await this.startFront('socket.io', port);
    await this.startFront('socket.io', port);
  }

  private async startSplice(): Promise<void> {
    const upstream = await this.startFront('both');
    const port = await freePort();
    const command = [compile('bench/subjects/splice'), String(port), String(upstream)];
    await this.startProgram('splice', command, this.makeFolder(), port);
    this.ports.splice(0, 1, port);
  }

  private async startProgram(role: string, command: string[], cwd: string, port: number) {
    const { core } = this.options;
    const server = this.add(new ProgramServer(role, command, { core, cwd }));
    await whenListening(server.process, port);
  }

  private makeFolder(): string {
    return (this.folder = mkdtempSync(join(tmpdir(), 'bench-')));
  }

  private removeFolder(): void {
    if (this.folder) rmSync(this.folder, { recursive: true, force: true });
  }
}
