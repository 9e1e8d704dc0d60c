import { onTestFinished, vi } from 'vitest';
import type { GatewayModule, Running, Subject, SubjectOptions } from './subject.js';

vi.setConfig({ testTimeout: 10_000, hookTimeout: 10_000 });

/** Starts a subject for one test; it is closed after the test's clients are gone. */
export async function start(
  subject: Subject,
  providers: GatewayModule['providers'],
  options: SubjectOptions & Pick<GatewayModule, 'imports'> = {},
): Promise<Running> {
  const { imports, ...subjectOptions } = options;
  const started = await subject.start({ providers, imports }, subjectOptions);
  onTestFinished(() => started.close());
  return started;
}

export interface Deferred<T = void> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A promise that a test settles by hand: handlers wait on conditions, never on clocks. */
export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  return { promise, resolve, reject };
}
