import type { AckMode, MigrationLevel, ShutdownMode } from '../options/index.js';
import { endpointName } from '../protocol/endpoint.js';
import type { EndpointKey } from '../protocol/messages.js';
import type { ConnectHook } from './connect-checks.js';
import type { ExploredGateway } from './gateway-explorer.js';
import { gatewaysContradict } from './hub.messages.js';

/** What the gateways of one endpoint ask of us together. */
export interface EndpointPolicy {
  readonly ack: AckMode;
  readonly level: MigrationLevel;
  readonly shutdown: ShutdownMode;
  readonly onConnect: readonly ConnectHook[];
}

/** The policies of all endpoints: the module's defaults, overridden by `@Migratable()`. */
export class EndpointPolicies {
  private readonly policies = new Map<string, EndpointPolicy>();

  /** @throws Error when two gateways of an endpoint contradict each other */
  constructor(
    gateways: readonly ExploredGateway[],
    private readonly defaults: Omit<EndpointPolicy, 'onConnect'>,
  ) {
    const groups = new Map<string, ExploredGateway[]>();
    for (const gateway of gateways) {
      const key = endpointName(gateway.endpoint);
      groups.set(key, [...(groups.get(key) ?? []), gateway]);
    }
    for (const [key, group] of groups) {
      this.policies.set(key, {
        ack: agree(group, 'ack') ?? defaults.ack,
        level: agree(group, 'level') ?? defaults.level,
        shutdown: agree(group, 'shutdown') ?? defaults.shutdown,
        onConnect: group.flatMap((gateway) => gateway.onConnect),
      });
    }
  }

  of(endpoint: EndpointKey): EndpointPolicy {
    return this.policies.get(endpointName(endpoint)) ?? { ...this.defaults, onConnect: [] };
  }
}

function agree<Option extends 'ack' | 'level' | 'shutdown'>(
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
