import { endpointName } from '../protocol/endpoint.js';
import type { Endpoint, EndpointKey } from '../protocol/messages.js';

/** Endpoints that are remembered after their hub servers left. */
const MAX_KNOWN_ENDPOINTS = 10_000;

/** The endpoints that hub servers ever announced. */
export class KnownEndpoints {
  private readonly byName = new Map<string, Endpoint>();

  /** The endpoint for a port and path. */
  find({ port, path }: EndpointKey): Endpoint | undefined {
    return (
      this.byName.get(endpointName({ port, path })) ??
      this.byName.get(endpointName({ port, path: '*' }))
    );
  }

  add(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      const key = endpointName(endpoint);
      if (this.byName.size < MAX_KNOWN_ENDPOINTS || this.byName.has(key))
        this.byName.set(key, endpoint);
    }
  }
}
