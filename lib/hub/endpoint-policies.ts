import type { AckMode, ShutdownMode } from '../options/index.js';
import type { EndpointKey } from '../protocol/messages.js';
import type { ConnectHook } from './connect-checks.js';
import { endpointKey } from './endpoints.js';
import type { ExploredGateway } from './gateway-explorer.js';
import { gatewaysContradict } from './hub.messages.js';

/** What the gateways of one endpoint ask of us together. */
export interface EndpointPolicy {
  readonly ack: AckMode;
  readonly shutdown: ShutdownMode;
  readonly onConnect: readonly ConnectHook[];
}

/** The policies of all endpoints: the module's defaults, overridden by `@Migratable()`. */
export class EndpointPolicies {
  private readonly policies = new Map<string, EndpointPolicy>();
  private readonly fallback: EndpointPolicy;

  /** @throws Error when two gateways of an endpoint contradict each other */
  constructor(gateways: readonly ExploredGateway[], ack: AckMode, shutdown: ShutdownMode) {
    this.fallback = { ack, shutdown, onConnect: [] };
    const groups = new Map<string, ExploredGateway[]>();
    for (const gateway of gateways) {
      const key = endpointKey(gateway.endpoint);
      groups.set(key, [...(groups.get(key) ?? []), gateway]);
    }
    for (const [key, group] of groups) {
      this.policies.set(key, {
        ack: agree(group, 'ack') ?? ack,
        shutdown: agree(group, 'shutdown') ?? shutdown,
        onConnect: group.flatMap((gateway) => gateway.onConnect),
      });
    }
  }

  of(endpoint: EndpointKey): EndpointPolicy {
    return this.policies.get(endpointKey(endpoint)) ?? this.fallback;
  }
}

function agree<Option extends 'ack' | 'shutdown'>(
  gateways: readonly ExploredGateway[],
  option: Option,
): ExploredGateway['options'][Option] {
  const asking = gateways.filter((gateway) => gateway.options[option] !== undefined);
  const first = asking[0];
  const other = asking.find((it) => it.options[option] !== first?.options[option]);
  if (first && other) {
    throw new Error(gatewaysContradict(option, first.endpoint, first.name, other.name));
  }
  return first?.options[option];
}
