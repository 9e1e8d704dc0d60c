import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import type { RawData } from 'ws';

export type SubjectName = 'stock' | 'both' | 'split';

/** The module that holds the gateways, written once for every subject. */
export type GatewayModule = Pick<ModuleMetadata, 'providers' | 'imports'>;

export type MessageParser = (data: RawData | string) => { event: string; data: unknown } | void;

export interface SubjectOptions {
  /** Goes to the stock adapter's constructor, or to the library's `hub.messageParser`. */
  messageParser?: MessageParser;
}

export interface Running {
  /** The Nest app that holds the gateways: use `app.get(Gateway)`. */
  app: INestApplication;
  /** The client's URL of a path on the app's own HTTP server (in `split` the relay's). */
  url(path: string): string;
  /** The client's URL of a path on a gateway's own port. */
  portUrl(port: number, path?: string): string;
  close(): Promise<void>;
}

/** One way to serve gateways; every expectation of the suite holds for each of them. */
export interface Subject {
  name: SubjectName;
  start(module: GatewayModule, options?: SubjectOptions): Promise<Running>;
}

/** Where subjects differ on purpose, a test names the expectation of each one. */
export function expectationOf<T>(subject: Subject, expectations: Record<SubjectName, T>): T {
  return expectations[subject.name];
}
