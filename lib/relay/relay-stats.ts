/** What a relay counts since its start. */
export interface RelayCounters {
  /** Connections moved to another hub server. */
  migrations: number;
  /** Attempts after which the connection stayed where it was, by reason. */
  failedMigrations: Record<string, number>;
  /** Links moved to another service connection of their hub server before theirs went away. */
  reroutes: number;
  /** Attempts after which the link stayed where it was or was lost, by reason. */
  failedReroutes: Record<string, number>;
  /** Clients closed with 1012 because they could not be moved by a drain's deadline, by reason. */
  closedAtDeadline: Record<string, number>;
  /** Clients closed because their hub server was lost. */
  lostWithServer: number;
  /** The same by reason: `serverLost`, `contextLost`, `notMigratable`, `takeoverRefused`. */
  lossReasons: Record<string, number>;
  /** Upgrades refused, by HTTP status. */
  refused: Record<string, number>;
}

export const newCounters = (): RelayCounters => ({
  migrations: 0,
  failedMigrations: {},
  reroutes: 0,
  failedReroutes: {},
  closedAtDeadline: {},
  lostWithServer: 0,
  lossReasons: {},
  refused: {},
});

/** Counts one more under a name. */
export function count(counts: Record<string, number>, name: string | number): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** A hub server as its relay sees it. */
export interface HubServerStats {
  serverId: string;
  serverName: string;
  version: string;
  draining: boolean;
  /** Client connections it serves here. */
  connections: number;
  serviceConnections: number;
}

/** The state of a relay. */
export interface RelayStats extends RelayCounters {
  relayId: string;
  /** Client connections, those not answered yet included. */
  clients: number;
  /** Upgrades held until a hub server is there for their path. */
  waiting: number;
  /** Bytes of inbound messages retained for all clients. */
  retainedBytes: number;
  /** Bytes of checkpoints kept for all clients. */
  contextBytes: number;
  /** Checkpoints for which there was no room, see `relay.contextTotalBytes`. */
  forgottenContexts: number;
  /** Frames dropped because their link had moved or ended. */
  staleFrames: number;
  servers: HubServerStats[];
}
