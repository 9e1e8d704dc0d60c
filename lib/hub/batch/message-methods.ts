import { isObservable } from 'rxjs';
import type { Type } from '@nestjs/common';
import type { MetadataScanner } from '@nestjs/core';
import { MESSAGE_MAPPING_METADATA, MESSAGE_METADATA } from '@nestjs/websockets/constants.js';
import { takesBatch } from '../../gateway/batch/batch.decorators.js';
import { ResumeEvent } from '../../gateway/batch/resume-event.js';
import { MIGRATABLE } from '../../gateway/decorators.js';
import type { MigratableMark } from '../../gateway/decorators.js';
import type { UnresumableStreams } from '../../options/index.js';
import type { EndpointKey } from '../../protocol/messages.js';
import { BatchRun } from './batch-run.js';

/** A method of a gateway that handles messages. */
export interface MessageMethod {
  readonly gateway: Type;
  readonly endpoint: EndpointKey;
  readonly method: string;
  /** The event whose messages it handles, or resumes. */
  readonly event: unknown;
  readonly isBatch: boolean;
  readonly isResume: boolean;
  /** What it has returned so far, once it is {@link watchMethods watched}. */
  readonly results: { streams: boolean };
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

const watched = new WeakMap<Method, { streams: boolean }>();

/** The methods of a gateway that handle messages. */
export function messageMethods(
  gateway: Type,
  endpoint: EndpointKey,
  scanner: MetadataScanner,
): MessageMethod[] {
  const prototype = gateway.prototype as Record<string, Method>;
  return scanner
    .getAllMethodNames(prototype)
    .filter((method) => Reflect.hasMetadata(MESSAGE_MAPPING_METADATA, prototype[method]!))
    .map((method) => {
      const message: unknown = Reflect.getMetadata(MESSAGE_METADATA, prototype[method]!);
      const isResume = message instanceof ResumeEvent;
      return {
        gateway,
        endpoint,
        method,
        event: isResume ? message.event : message,
        isBatch: takesBatch(gateway, method),
        isResume,
        results: watched.get(prototype[method]!) ?? { streams: false },
      };
    });
}

/**
 * Watches the results of the methods whose messages can be stopped before their end.
 * @param unresumable what becomes of streams where the gateway does not say
 */
export function watchMethods(
  methods: readonly MessageMethod[],
  unresumable: UnresumableStreams,
): readonly MessageMethod[] {
  const stopsStreams =
    unresumable !== 'wait' || methods.some(({ gateway }) => stopsItsStreams(gateway));
  for (const method of methods) {
    if (stopsStreams || method.isBatch || method.isResume) watchResults(method);
  }
  return methods;
}

function stopsItsStreams(gateway: Type): boolean {
  const mark = Reflect.getMetadata(MIGRATABLE, gateway) as MigratableMark | undefined;
  return mark?.unresumable !== undefined && mark.unresumable !== 'wait';
}

/**
 * Has a method's results read at their source when it works on a batch. This must be done before Nest
 * looks at the gateways, and it must be the method itself: what comes out of a handler's interceptors
 * does not tell a promise from a stream, and the exception filters see nothing that fails behind them.
 */
function watchResults({ gateway, method, results }: MessageMethod): void {
  const prototype = gateway.prototype as Record<string, Method>;
  const original = prototype[method]!;
  if (watched.has(original)) return;
  const wrapper: Method = function (...args) {
    const result = original.apply(this, args);
    const run = args.find((it) => it instanceof BatchRun);
    if (run) return run.read(result);
    results.streams = isObservable(result);
    return result;
  };
  for (const key of Reflect.getMetadataKeys(original) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, original), wrapper);
  }
  Object.defineProperty(wrapper, 'name', { value: original.name, configurable: true });
  Object.defineProperty(wrapper, 'length', { value: original.length, configurable: true });
  watched.set(wrapper, results);
  Object.defineProperty(prototype, method, {
    value: wrapper,
    configurable: true,
    writable: true,
  });
}
