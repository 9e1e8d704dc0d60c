import type { RoutingStrategy } from '../options/index.js';

/** The hub server with the fewest connections. */
export const leastConnections: RoutingStrategy = (candidates) => {
  let best = candidates[0];
  for (const candidate of candidates) {
    if (candidate.connections < best!.connections) best = candidate;
  }
  return best;
};
