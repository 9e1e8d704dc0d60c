import type { Logger } from '@nestjs/common';
import { BatchDispatch } from './hub/batch/batch-dispatch.js';
import { BatchCatalogue } from './hub/batch/endpoint-batches.js';
import type { MessageMethod } from './hub/batch/message-methods.js';
import type { EndpointPolicies, EndpointPolicy } from './hub/endpoint-policies.js';
import { GatewayApplication } from './hub/gateway-application.js';
import { HubServerRuntime, stackOf } from './hub/hub-server-runtime.js';
import type { MigrationRequests } from './hub/migration-requests.service.js';
import type { MigrationWsAdapter } from './hub/migration-ws.adapter.js';
import type { StoredContexts } from './hub/stored-contexts.js';
import { DEFAULT_ATTENTION } from './options/index.js';
import type { ResolvedOptions, ShutdownMode } from './options/index.js';
import type { GracefulShutdown } from './shutdown/graceful-shutdown.js';
import { ShutdownStages } from './shutdown/shutdown-stages.js';

/** What a hub server is made of. */
interface HubServerParts {
  readonly serverId: string;
  readonly options: ResolvedOptions;
  readonly adapter: MigrationWsAdapter;
  readonly policies: EndpointPolicies;
  readonly methods: readonly MessageMethod[];
  readonly requests: MigrationRequests;
  readonly stored: StoredContexts | undefined;
  readonly hooks: GracefulShutdown;
  readonly log: Logger;
  /** What happens to the clients of an endpoint when the server shuts down. */
  modeOf(policy: EndpointPolicy): ShutdownMode;
}

/** The hub server of this process, and the stages in which it leaves. */
export function createHubServer(parts: HubServerParts): {
  hub: HubServerRuntime;
  stages: ShutdownStages;
} {
  const { serverId, options, adapter, policies, requests, stored, log } = parts;
  const { attention, maxBufferedBytes } = options.hub;
  const catalogue = new BatchCatalogue(
    parts.methods,
    attention ?? DEFAULT_ATTENTION,
    (endpoint) => policies.of(endpoint).unresumable,
  );
  adapter.batches = new BatchDispatch(catalogue, maxBufferedBytes, log);
  const application = new GatewayApplication(
    adapter,
    policies,
    { ...options.hub, ...options.context },
    (message, error) => {
      if (error === undefined) log.warn(message);
      else log.error(message, stackOf(error));
    },
    stored,
  );
  const hub = new HubServerRuntime(serverId, options, application, log, (link, change) =>
    requests.changed(link, change),
  );
  requests.attach(hub.core);
  const stages = new ShutdownStages({
    core: hub.core,
    endpoints: application.endpoints,
    hooks: parts.hooks,
    options: options.shutdown,
    modeOf: (endpoint) => parts.modeOf(policies.of(endpoint)),
    stopDialing: () => hub.stopDialing(),
    stop: () => {
      // First of all: what other servers take over is not removed.
      void stored?.close();
      hub.stop();
    },
    warn: (message) => log.warn(message),
    error: (message, error) => log.error(message, stackOf(error)),
  });
  return { hub, stages };
}
