import type { StateDefinition } from '../gateway/state/state-definition.js';
import type {
  AckMode,
  MigrationLevel,
  ShutdownMode,
  UnresumableStreams,
} from '../options/index.js';
import { endpointName } from '../protocol/endpoint.js';
import type { EndpointKey } from '../protocol/messages.js';
import type { ConnectHook } from './connect-checks.js';
import type { MigrationHooks } from './endpoint-moves.js';
import { NO_HOOKS } from './endpoint-moves.js';
import type { ExploredGateway } from './gateway-explorer.js';
import { gatewaysContradict, statesContradict } from './hub.messages.js';

/** What the gateways of one endpoint ask of us together. */
export interface EndpointPolicy {
  readonly ack: AckMode;
  readonly level: MigrationLevel;
  readonly shutdown: ShutdownMode;
  readonly unresumable: UnresumableStreams;
  /** Of the state of a client, if it has one. */
  readonly definition: StateDefinition | undefined;
  readonly onConnect: readonly ConnectHook[];
  readonly hooks: MigrationHooks;
}

/** What gateways that ask for nothing have. */
export type PolicyDefaults = Pick<EndpointPolicy, Choice>;
type Choice = 'ack' | 'level' | 'shutdown' | 'unresumable';

/** The policies of all endpoints: the module's defaults, overridden by `@Migratable()`. */
export class EndpointPolicies {
  private readonly policies = new Map<string, EndpointPolicy>();

  /** @throws Error when two gateways of an endpoint contradict each other */
  constructor(
    gateways: readonly ExploredGateway[],
    private readonly defaults: PolicyDefaults,
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
        unresumable: agree(group, 'unresumable') ?? defaults.unresumable,
        definition: stateOf(group),
        onConnect: group.flatMap((gateway) => gateway.onConnect),
        hooks: {
          ready: group.flatMap(({ hooks }) => hooks.ready),
          out: group.flatMap(({ hooks }) => hooks.out),
          failed: group.flatMap(({ hooks }) => hooks.failed),
          in: group.flatMap(({ hooks }) => hooks.in),
        },
      });
    }
  }

  of(endpoint: EndpointKey): EndpointPolicy {
    const none = { definition: undefined, onConnect: [], hooks: NO_HOOKS };
    return this.policies.get(endpointName(endpoint)) ?? { ...this.defaults, ...none };
  }
}

/** Gateways that share clients share their state. */
function stateOf(gateways: readonly ExploredGateway[]): StateDefinition | undefined {
  const [first, ...others] = gateways.filter(({ options }) => options.definition);
  const other = others.find(({ options }) => options.definition !== first?.options.definition);
  if (first && other) throw new Error(statesContradict(first.endpoint, first.name, other.name));
  return first?.options.definition;
}

function agree<Option extends Choice>(
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
