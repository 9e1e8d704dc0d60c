import type { AttentionFormat, UnresumableStreams } from '../../options/index.js';
import { endpointName } from '../../protocol/endpoint.js';
import type { EndpointKey } from '../../protocol/messages.js';
import {
  batchShared,
  resumedTwice,
  resumeTakesNoBatch,
  resumeWithoutBatch,
} from './batch.messages.js';
import type { TaskHandler } from './batch-task.js';
import type { MessageMethod } from './message-methods.js';

/** What stops messages of an endpoint before their end, and how. */
export interface EndpointBatches {
  readonly unresumable: UnresumableStreams;
  readonly attention: AttentionFormat;
  /** Whether clients can cancel requests. */
  readonly attends: boolean;
  /** The handlers of messages that can be stopped, by event. */
  readonly handlers: ReadonlyMap<unknown, TaskHandler>;
}

/** The batches of all endpoints. */
export class BatchCatalogue {
  private readonly endpoints = new Map<string, EndpointBatches>();

  /** @throws Error when batches and their resume handlers do not fit together */
  constructor(
    methods: readonly MessageMethod[],
    attention: AttentionFormat,
    unresumableOf: (endpoint: EndpointKey) => UnresumableStreams,
  ) {
    for (const [name, group] of groupsOf(methods, ({ endpoint }) => endpointName(endpoint))) {
      const unresumable = unresumableOf(group[0]!.endpoint);
      const handlers = handlersOf(group, unresumable);
      if (handlers.size === 0) continue;
      const hasBatch = [...handlers.values()].some(({ isBatch }) => isBatch);
      const isTaken = group.some(({ event }) => event === attention.event);
      this.endpoints.set(name, {
        unresumable,
        attention,
        attends: hasBatch && !isTaken,
        handlers,
      });
    }
  }

  /** Undefined when no message of the endpoint is ever stopped. */
  of(endpoint: EndpointKey): EndpointBatches | undefined {
    return this.endpoints.size === 0 ? undefined : this.endpoints.get(endpointName(endpoint));
  }
}

function handlersOf(
  methods: readonly MessageMethod[],
  unresumable: UnresumableStreams,
): Map<unknown, TaskHandler> {
  const handlers = new Map<unknown, TaskHandler>();
  for (const [event, group] of groupsOf(methods, (it) => it.event)) {
    check(group);
    const own = group.filter(({ isResume }) => !isResume);
    const isBatch = own.some((it) => it.isBatch);
    if (!isBatch && unresumable === 'wait') continue;
    handlers.set(event, {
      event: String(event),
      isBatch,
      resumable: group.length > own.length,
      get returnsStreams() {
        return own.some(({ results }) => results.streams);
      },
    });
  }
  return handlers;
}

/** Checks the methods of an event of an endpoint. */
function check(methods: readonly MessageMethod[]) {
  const own = methods.filter(({ isResume }) => !isResume);
  for (const { gateway, method, event, isBatch } of methods.filter(({ isResume }) => isResume)) {
    if (!isBatch) throw new Error(resumeTakesNoBatch(gateway.name, method));
    if (!own.some((it) => it.gateway === gateway && it.isBatch)) {
      throw new Error(resumeWithoutBatch(gateway.name, method, String(event)));
    }
    if (methods.some((it) => it.isResume && it.gateway === gateway && it.method !== method)) {
      throw new Error(resumedTwice(gateway.name, String(event)));
    }
  }
  const [first, second] = own;
  if (!first || !second || !own.some(({ isBatch }) => isBatch)) return;
  const [one, other] = [first, second].map((it) => `${it.gateway.name}.${it.method}()`);
  throw new Error(batchShared(String(first.event), first.endpoint, one!, other!));
}

function groupsOf<Key>(
  methods: readonly MessageMethod[],
  keyOf: (method: MessageMethod) => Key,
): Map<Key, MessageMethod[]> {
  const groups = new Map<Key, MessageMethod[]>();
  for (const method of methods) {
    const key = keyOf(method);
    groups.set(key, [...(groups.get(key) ?? []), method]);
  }
  return groups;
}
