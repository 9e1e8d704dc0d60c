import type { RandomSource } from '../protocol/clock.js';
import type { RelaySession } from '../protocol/relay-session.js';
import type { ClientConnection } from './client-connection.js';
import { IngressReload } from './ingress-reload.js';
import type { IngressReloadHost } from './ingress-reload.js';
import { LastIngressError, UnknownIngressError } from './ingress-reload-report.js';
import type { IngressControl, IngressReloadReport, IngressView } from './ingress-reload-report.js';

/** Reloads that are remembered after they are over. */
const MAX_REMEMBERED = 100;

export interface IngressHost extends IngressReloadHost {
  readonly options: IngressReloadHost['options'] & {
    /** Ingresses that are known before anything comes through them. */
    ingresses: readonly string[];
    /** Whether a reload that would cut off hub servers is refused, or waits for another way to them. */
    lastIngress: 'refuse' | 'wait';
  };
  serverName(serverId: string): string;
}

/** The ingress instances in front of a relay, and their reloads. */
export class IngressReloads implements IngressControl {
  private readonly reloads = new Map<string, IngressReload>();

  constructor(
    private readonly host: IngressHost,
    private readonly random: RandomSource,
  ) {}

  list(): IngressView[] {
    const views = new Map<string, IngressView>();
    const view = (ingress: string) => {
      let known = views.get(ingress);
      if (!known) {
        const reload = this.reloads.get(ingress)?.report();
        known = { ingress, serviceConnections: 0, links: 0, clients: 0, ...(reload && { reload }) };
        views.set(ingress, known);
      }
      return known;
    };
    for (const ingress of [...this.host.options.ingresses, ...this.reloads.keys()]) view(ingress);
    for (const { ingress, linkCount, open } of this.host.sessions) {
      if (ingress === undefined || !open) continue;
      view(ingress).serviceConnections++;
      view(ingress).links += linkCount;
    }
    for (const { ingress } of this.host.clients) if (ingress !== undefined) view(ingress).clients++;
    return [...views.values()];
  }

  get(ingress: string): IngressView | undefined {
    return this.list().find((view) => view.ingress === ingress);
  }

  reload(ingress: string, deadlineMs: number): IngressReloadReport {
    const known = this.get(ingress);
    if (!known) throw new UnknownIngressError(ingress);
    const present = this.reloads.get(ingress);
    // Asked again, perhaps because the answer got lost.
    if (present?.active || (present?.report().state === 'ready' && isUnused(known))) {
      return present.report();
    }
    const cutOff = this.host.options.lastIngress === 'refuse' ? this.cutOffBy(ingress) : [];
    if (cutOff.length > 0) throw new LastIngressError(ingress, cutOff);
    const reload = new IngressReload(this.host, ingress, deadlineMs, (list) => this.shuffle(list));
    this.reloads.delete(ingress);
    this.reloads.set(ingress, reload);
    this.forgetOld();
    return reload.report();
  }

  cancel(ingress: string): boolean {
    const reload = this.reloads.get(ingress);
    reload?.cancel();
    return reload !== undefined;
  }

  whenOver(ingress: string, listener: () => void): () => void {
    const reload = this.reloads.get(ingress);
    if (reload) return reload.whenOver(listener);
    listener();
    return () => undefined;
  }

  /** A service connection is established. */
  joined(session: RelaySession): void {
    for (const reload of this.reloads.values()) reload.joined(session);
  }

  rerouteFailed(connection: ClientConnection, reason: string): void {
    for (const reload of this.reloads.values()) reload.rerouteFailed(connection, reason);
  }

  /** Calls all reloads off. */
  stop(): void {
    for (const reload of this.reloads.values()) reload.cancel();
  }

  /** Names of the hub servers whose links could not be rerouted. */
  private cutOffBy(ingress: string): string[] {
    const inUse = new Set<string>();
    const reachable = new Set<string>();
    for (const session of this.host.sessions) {
      if (!session.open) continue;
      if (session.ingress === ingress) {
        if (session.linkCount > 0) inUse.add(session.serverId);
      } else if (session.canBind && !session.avoided) {
        reachable.add(session.serverId);
      }
    }
    const cutOff = [...inUse].filter((serverId) => !reachable.has(serverId));
    return cutOff.map((serverId) => this.host.serverName(serverId));
  }

  private shuffle<T>(list: T[]): T[] {
    return list
      .map((item) => ({ item, at: this.random.fraction() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }

  private forgetOld() {
    for (const [ingress, reload] of this.reloads) {
      if (this.reloads.size <= MAX_REMEMBERED) return;
      if (!reload.active) this.reloads.delete(ingress);
    }
  }
}

const isUnused = ({ links, clients }: IngressView): boolean => links === 0 && clients === 0;
