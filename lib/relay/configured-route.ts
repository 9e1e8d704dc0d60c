import type { ResolvedRelayOptions, RoutingStrategy } from '../options/index.js';
import { leastConnections } from './least-connections.js';
import type { RelayLog } from './relay-log.js';

/** The routing strategy of the options. One of the application's that throws is logged and replaced. */
export function routeBy(routing: ResolvedRelayOptions['routing'], log: RelayLog): RoutingStrategy {
  if (routing === 'leastConnections') return leastConnections;
  return (candidates, request) => {
    try {
      return routing(candidates, request);
    } catch (error) {
      log.error(`relay.routing failed, the default is used: ${String(error)}`);
      return leastConnections(candidates, request);
    }
  };
}
