/** How soon a loss is noticed, and how long a lost server is waited for, when there are faults. */
export const FAULT_TIMES = { keepAliveMs: 300, deadAfterMs: 1500, graceMs: 1500 };

/** Variables of all processes, when there are faults. */
export const FAULT_VARIABLES = {
  MIGRATION_HUB_CONNECTIONS_PER_RELAY: '1',
  MIGRATION_HUB_KEEP_ALIVE_MS: String(FAULT_TIMES.keepAliveMs),
  MIGRATION_HUB_DEAD_AFTER_MS: String(FAULT_TIMES.deadAfterMs),
  MIGRATION_HUB_RECONNECT_MAX_MS: '300',
  MIGRATION_RELAY_HUB_RECONNECT_GRACE_MS: String(FAULT_TIMES.graceMs),
  MIGRATION_RELAY_LAST_INGRESS: 'wait',
};
