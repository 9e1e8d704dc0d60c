import type { AckMode } from '../../lib/protocol/hub-link.js';
import type { ClientMessage } from './client-message.js';
import type { SeededRandom } from './random.js';

/** What applications keep of their connections, and how long they work. */
export interface WorkScenario {
  /** Whether connections have a state that travels. */
  hasState: boolean;
  /** Whether acknowledgements wait for the checkpoint that has the effects. */
  holdsAcks: boolean;
  /** Largest time that a change waits for its checkpoint. */
  maxCheckpointMs: number;
  /** Part of the messages that are requests, each answered once. */
  requests: number;
  /** Part of the requests that have results, and how many at most. */
  batches: number;
  maxResults: number;
  /** Largest time between two results. */
  maxResultMs: number;
  /** Part of the results after which the application asks for a checkpoint. */
  checkpoints: number;
  /** Whether batches stop for a move and go on after it, or are waited for. */
  suspends: boolean;
  /** Part of the messages that cancel a request. */
  attentions: number;
  /** Whether inbound flows while an origin waits for its safe point. */
  flows: boolean;
  /** Part of the connections that are not migratable for some time. */
  notMigratable: number;
  /** Part of the connections that are held for some time. */
  holds: number;
  /** READY hooks. */
  hookDelays: number;
  hookCancels: number;
  hookRetargets: number;
  hookHangs: number;
}

/** READY hooks may last so long together. */
export const HOOK_LIMIT_MS = 200;

const NO_WORK: WorkScenario = {
  hasState: false,
  holdsAcks: false,
  maxCheckpointMs: 0,
  requests: 0,
  batches: 0,
  maxResults: 0,
  maxResultMs: 0,
  checkpoints: 0,
  suspends: false,
  attentions: 0,
  flows: false,
  notMigratable: 0,
  holds: 0,
  hookDelays: 0,
  hookCancels: 0,
  hookRetargets: 0,
  hookHangs: 0,
};

/** @param eventful whether anything may keep a connection from moving */
export function newWork(random: SeededRandom, ack: AckMode, eventful: boolean): WorkScenario {
  if (random.chance(0.2)) return NO_WORK;
  const sometimes = (share: number, probability: number) =>
    eventful && random.chance(share) ? probability : 0;
  return {
    hasState: true,
    holdsAcks: ack === 'handled' && random.chance(0.75),
    maxCheckpointMs: random.pick([0, 5, 40, 200]),
    requests: random.pick([0, 0.4, 0.8]),
    batches: random.pick([0, 0.5, 1]),
    maxResults: random.pick([3, 10, 30]),
    maxResultMs: random.pick([5, 30, 80]),
    checkpoints: random.pick([0, 0.3, 1]),
    suspends: random.chance(0.75),
    attentions: random.pick([0, 0.1, 0.3]),
    flows: random.chance(0.5),
    notMigratable: sometimes(0.15, 0.3),
    holds: sometimes(0.2, 0.4),
    hookDelays: sometimes(0.3, 0.5),
    hookCancels: sometimes(0.2, 0.4),
    hookRetargets: sometimes(0.2, 0.4),
    hookHangs: sometimes(0.15, 0.3),
  };
}

/** The same, with nothing that keeps a connection from moving or sends it elsewhere. */
export const withoutEvents = (work: WorkScenario): WorkScenario => ({
  ...work,
  notMigratable: 0,
  holds: 0,
  hookCancels: 0,
  hookRetargets: 0,
  hookHangs: 0,
});

/** Whether nothing of this can cost a client its connection. */
export const isCalmWork = (work: WorkScenario): boolean =>
  work.notMigratable + work.holds + work.hookCancels + work.hookHangs + work.hookRetargets === 0;

/** What a client sends that has made these requests. */
export function chooseMessage(
  random: SeededRandom,
  { attentions, batches, maxResults, requests }: WorkScenario,
  made: readonly number[],
): Pick<ClientMessage, 'kind' | 'argument'> {
  if (random.chance(attentions)) {
    // Mostly of what may still be at work; now and then of what was never sent.
    const known = made.length > 0 && random.chance(0.9);
    return { kind: 'attention', argument: known ? random.pick(made.slice(-3)) : 0 };
  }
  if (!random.chance(requests)) return { kind: 'plain', argument: 0 };
  return { kind: 'request', argument: random.chance(batches) ? random.int(1, maxResults) : 0 };
}
