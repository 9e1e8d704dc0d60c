import { isLoopbackHost } from './addresses.js';
import { HubOptions } from './hub.options.js';
import { parseIngress, placeOf } from './ingress-rules.js';
import type { OptionPath, ResolvedOptions } from './migration.options.js';
import type { OptionProblem } from './option-problem.js';
import * as messages from './options.messages.js';
import { RelayOptions } from './relay.options.js';
import { unixTarget } from './unix-sockets.js';

/** A rule between options; it is skipped when one of them is wrong in itself. */
interface CrossCheck {
  readonly needs: readonly OptionPath[];
  readonly find: (options: ResolvedOptions) => readonly OptionProblem[];
}

const CROSS_CHECKS: readonly CrossCheck[] = [
  {
    needs: ['role', 'hub.relays'],
    find: ({ role, hub }) =>
      problem('hub.relays', role === 'hub' && hub.relays.length === 0, messages.NEEDS_RELAYS),
  },
  {
    needs: ['security.secrets', 'security.privateKey', 'security.publicKeys'],
    find: ({ security }) => {
      const hasKeys = security.privateKey !== undefined || security.publicKeys.length > 0;
      const wrong = security.secrets.length > 0 && hasKeys;
      return problem('security.secrets', wrong, messages.SECRETS_OR_KEYS);
    },
  },
  {
    needs: [
      'role',
      'relay.servicePort',
      'relay.serviceHost',
      'security.secrets',
      'security.publicKeys',
    ],
    find: ({ role, relay, security }) => {
      const canVerify = security.secrets.length > 0 || security.publicKeys.length > 0;
      const exposed = relay.servicePort !== undefined && !isLoopbackHost(relay.serviceHost);
      const wrong = role !== 'hub' && exposed && !canVerify;
      return problem('relay.serviceHost', wrong, messages.SERVICE_HOST_NEEDS_KEY);
    },
  },
  {
    needs: ['relay.servicePath', 'relay.servicePort', 'relay.serviceSocket', 'relay.paths'],
    find: ({ relay: { servicePath, servicePort, serviceSocket, paths } }) => {
      const isShared = servicePort === undefined && serviceSocket === undefined;
      const wrong = isShared && paths.includes(servicePath);
      return problem('relay.paths', wrong, messages.PATH_IS_TAKEN);
    },
  },
  {
    needs: ['role', 'hub.relays', 'security.secrets', 'security.privateKey'],
    find: ({ role, hub, security }) => {
      const canSign = security.secrets.length > 0 || security.privateKey !== undefined;
      return hub.relays.flatMap((url, index) => {
        const target = new URL(url);
        const isLocal = unixTarget(target) !== undefined || isLoopbackHost(target.hostname);
        const wrong = role !== 'relay' && !canSign && !isLocal;
        return problem(`hub.relays[${index}]`, wrong, messages.RELAY_NEEDS_KEY);
      });
    },
  },
  {
    needs: ['admin.enabled', 'admin.tokens'],
    find: ({ admin: { enabled, tokens } }) =>
      problem('admin.tokens', enabled && tokens.length === 0, messages.ADMIN_NEEDS_TOKENS),
  },
  {
    needs: ['role', 'admin.enabled'],
    find: ({ role, admin: { enabled } }) =>
      problem('admin.enabled', enabled && role === 'hub', messages.ADMIN_NEEDS_RELAY),
  },
  {
    needs: ['relay.ingressHeader', 'relay.trustedProxies'],
    find: ({ relay }) => {
      const wrong = relay.ingressHeader !== undefined && relay.trustedProxies.length === 0;
      return problem('relay.ingressHeader', wrong, messages.HEADER_NEEDS_PROXIES);
    },
  },
  {
    needs: ['relay.proxyProtocol', 'relay.trustedProxies'],
    find: ({ relay }) => {
      const wrong = relay.proxyProtocol !== 'off' && relay.trustedProxies.length === 0;
      return problem('relay.proxyProtocol', wrong, messages.PROXY_PROTOCOL_NEEDS_PROXIES);
    },
  },
  {
    needs: ['relay.ingresses'],
    find: ({ relay: { ingresses } }) => {
      const owners = new Map<string, string>();
      return ingresses.flatMap((entry, index) => {
        const ingress = parseIngress(entry)!;
        const place = placeOf(ingress);
        const owner = owners.get(place) ?? ingress.id;
        owners.set(place, owner);
        const wrong = owner !== ingress.id;
        return problem(`relay.ingresses[${index}]`, wrong, messages.ingressTwice(owner));
      });
    },
  },
  {
    needs: ['relay.retainedBytes', 'relay.retainedTotalBytes'],
    find: ({ relay: { retainedBytes, retainedTotalBytes } }) =>
      problem(
        'relay.retainedTotalBytes',
        retainedTotalBytes < retainedBytes,
        messages.mustReach('relay.retainedBytes', retainedTotalBytes, retainedBytes),
      ),
  },
  {
    needs: ['hub.keepAliveMs', 'hub.deadAfterMs'],
    find: ({ hub: { keepAliveMs, deadAfterMs } }) =>
      problem(
        'hub.keepAliveMs',
        keepAliveMs * 2 > deadAfterMs,
        messages.mustBeHalf('hub.deadAfterMs', keepAliveMs, deadAfterMs),
      ),
  },
  {
    needs: ['hub.retainedBytes', 'hub.maxBufferedBytes'],
    find: ({ hub: { retainedBytes, maxBufferedBytes } }) =>
      problem(
        'hub.retainedBytes',
        retainedBytes > maxBufferedBytes,
        messages.mustNotExceed('hub.maxBufferedBytes', retainedBytes, maxBufferedBytes),
      ),
  },
  {
    needs: ['role', 'hub.orphanMs', 'relay.hubReconnectGraceMs'],
    find: ({ role, hub: { orphanMs }, relay: { hubReconnectGraceMs } }) => {
      // The default of a side that runs elsewhere says nothing of what is set there.
      const knowsHub = role !== 'relay' || orphanMs !== new HubOptions().orphanMs;
      const knowsRelay =
        role !== 'hub' || hubReconnectGraceMs !== new RelayOptions().hubReconnectGraceMs;
      return problem(
        'hub.orphanMs',
        knowsHub && knowsRelay && orphanMs < hubReconnectGraceMs,
        messages.mustReach('relay.hubReconnectGraceMs', orphanMs, hubReconnectGraceMs),
      );
    },
  },
];

/** Problems between options, given those that options have in themselves. */
export function crossCheck(
  options: ResolvedOptions,
  known: readonly OptionProblem[],
): OptionProblem[] {
  const wrong = new Set(known.map(({ path }) => path.replace(/\[.*$/, '')));
  const isUsable = (path: OptionPath) => !wrong.has(path) && !wrong.has(path.split('.', 1).join());
  return CROSS_CHECKS.filter(({ needs }) => needs.every(isUsable)).flatMap(({ find }) =>
    find(options),
  );
}

function problem(path: string, wrong: boolean, text: string): OptionProblem[] {
  return wrong ? [{ path, text }] : [];
}
