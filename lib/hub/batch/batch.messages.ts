import type { EndpointKey } from '../../protocol/messages.js';
import { endpointName } from '../../protocol/endpoint.js';

export const noResumeHandler = (event: string): string =>
  `batch.suspend() needs a method with @OnMigrateResume('${event}') in the same gateway`;

export const suspendedUnasked = (event: string): string =>
  `batch.suspend() of "${event}": the connection was not asked to move. Call it when batch.migrating is aborted`;

export const tooManyBatches = (limit: number): string =>
  `Too many unfinished requests on this connection: the limit is ${limit}`;

export const batchFailed = (event: string, id: string): string =>
  `A handler of "${event}" failed outside of its exception filters (message ${id})`;

export const stopFailed = (event: string, id: string): string =>
  `The stream of "${event}" failed while it was stopped (message ${id})`;

export const notResumed = (event: string, id: string): string =>
  `Message ${id} ("${event}") came with a checkpoint, but this version of the application has no @OnMigrateResume('${event}')`;

export const resumeWithoutBatch = (gateway: string, method: string, event: string): string =>
  `${gateway}.${method}() has @OnMigrateResume('${event}'), but no handler of "${event}" in ${gateway} takes @Batch().`;

export const resumeTakesNoBatch = (gateway: string, method: string): string =>
  `${gateway}.${method}() has @OnMigrateResume(), so it must take @Batch(): it may have to stop again.`;

export const resumedTwice = (gateway: string, event: string): string =>
  `${gateway} has more than one method with @OnMigrateResume('${event}').`;

export const batchShared = (
  event: string,
  endpoint: EndpointKey,
  first: string,
  second: string,
): string =>
  `${first} and ${second} both handle "${event}" of ${endpointName(endpoint)}, and one of them takes @Batch(). A batch is resumed alone, so its event must have one handler.`;
