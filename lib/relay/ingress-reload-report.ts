/**
 * How far the reload of an ingress is.
 * - `waiting`: links have no other way to their hub server; it goes on when one comes (`relay.lastIngress: 'wait'`).
 * - `running`: links are being rerouted, clients asked to leave.
 * - `ready`: nothing depends on the ingress any more; it can be reloaded.
 * - `expired`: the deadline came first; what is left will lose its connection.
 * - `cancelled`: it was called off.
 */
export type IngressReloadState = 'waiting' | 'running' | 'ready' | 'expired' | 'cancelled';

/** Progress and result of an ingress reload. */
export interface IngressReloadReport {
  ingress: string;
  state: IngressReloadState;
  /** Time since the reload was asked for, until its end, in milliseconds. */
  elapsedMs: number;
  /** Time left until the deadline, in milliseconds; 0 once it is over. */
  remainingMs: number;
  /** Links on service connections through the ingress. */
  links: {
    /** Rerouted to another service connection of the same hub server, or moved to another server. */
    moved: number;
    /** Ended because their client left. */
    ended: number;
    /** Attempts that failed, by reason; a link is tried again until the deadline. */
    failed: Record<string, number>;
    /** On those service connections still, or on their way and not arrived. */
    remaining: number;
  };
  /** Clients whose own socket passes through the ingress. */
  clients: {
    /** Left after they were asked to, or by themselves. */
    left: number;
    /** Not gone yet, whether they were asked already or not. */
    remaining: number;
  };
}

/** An ingress instance as the relay sees it. */
export interface IngressView {
  ingress: string;
  serviceConnections: number;
  /** Links on those service connections. */
  links: number;
  /** Clients whose own socket passes through it. */
  clients: number;
  /** The present or latest reload. */
  reload?: IngressReloadReport;
}

/** What the operator can do with ingresses; implemented by the relay's core. */
export interface IngressControl {
  list(): IngressView[];
  /** `undefined` for an ingress through which nothing comes and that no option names. */
  get(ingress: string): IngressView | undefined;
  /**
   * Begins to clear an ingress that is about to be reloaded. While a reload of it is under way, this
   * is that one.
   * @throws UnknownIngressError, LastIngressError
   */
  reload(ingress: string, deadlineMs: number): IngressReloadReport;
  /** Calls the reload off; links may use the ingress again. @returns false when there is none */
  cancel(ingress: string): boolean;
  /**
   * Calls back once the present reload is over (at once when it is, or when there is none).
   * @returns ends the subscription
   */
  whenOver(ingress: string, listener: () => void): () => void;
}

/** No connection comes through this ingress, and no option names it. */
export class UnknownIngressError extends Error {
  override readonly name = 'UnknownIngressError';

  constructor(readonly ingress: string) {
    super(`no connection comes through the ingress "${ingress}"`);
  }
}

/** Hub servers could be reached through no other ingress. */
export class LastIngressError extends Error {
  override readonly name = 'LastIngressError';

  /** @param servers names of the hub servers that would be cut off */
  constructor(
    readonly ingress: string,
    readonly servers: readonly string[],
  ) {
    super(`"${ingress}" is the only way to ${servers.join(', ')}`);
  }
}
