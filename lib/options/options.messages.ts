import { quote } from './describe-value.js';

export const mustBe = (accepted: string, got: string) => `must be ${accepted} (got ${got})`;

export const notAnOption = (suggestion: string | undefined) =>
  suggestion === undefined ? 'is not an option' : `is not an option; did you mean ${suggestion}?`;

export const NEEDS_RELAYS = "must name at least one relay in role 'hub' (got an empty list)";

export const SECRETS_OR_KEYS =
  'must not be set together with security.privateKey or security.publicKeys';

export const SERVICE_HOST_NEEDS_KEY =
  'must be a loopback address unless security.secrets or security.publicKeys is set';

export const RELAY_NEEDS_KEY =
  'must have a loopback host unless security.secrets or security.privateKey is set';

export const ADMIN_NEEDS_TOKENS = 'must hold at least one token when admin.enabled is true';

export const ADMIN_NEEDS_RELAY =
  "must be false in role 'hub': the admin API is about a relay (set it on relays only)";

export const PATH_IS_TAKEN =
  'must not contain relay.servicePath unless relay.servicePort or relay.serviceSocket is set';

export const HEADER_NEEDS_PROXIES =
  'must not be set without relay.trustedProxies: the header is believed from these alone';

export const PROXY_PROTOCOL_NEEDS_PROXIES =
  "must be 'off' without relay.trustedProxies: a PROXY header is read from these alone";

export const ingressTwice = (id: string) =>
  `must not name an address that ingress ${quote(id)} has already`;

export const mustBeHalf = (other: string, value: number, limit: number) =>
  `must be at most half of ${other} (got ${value} and ${limit})`;

export const mustNotExceed = (other: string, value: number, limit: number) =>
  `must not be more than ${other} (got ${value} and ${limit})`;

export const mustReach = (other: string, value: number, limit: number) =>
  `must not be less than ${other} (got ${value} and ${limit})`;
