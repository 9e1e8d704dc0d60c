import { LastIngressError, UnknownIngressError } from '../../lib/relay/ingress-reload-report.js';
import type { World } from './world.js';

/** Time after its deadline within which a reload must be over. */
const SLACK_MS = 5;

/** An ingress instance is reloaded: announced, or cut without a word, or both. */
export interface Reload {
  at: number;
  ingress: number;
  announced: boolean;
  deadlineMs: number;
  /** When all that comes through it is cut; undefined: it never is. */
  cutAfterMs: number | undefined;
  /** When it is asked for again. */
  againAfterMs: number | undefined;
  cancelAfterMs: number | undefined;
}

/** The ingress instances in front of the relay, and what the operator does with them. */
export class SimulatedIngresses {
  /** Ingresses whose clients may be asked to leave. */
  private readonly leaving = new Set<string>();

  constructor(private readonly world: World) {
    const { clock, scenario } = world;
    for (const reload of scenario.reloads) clock.after(reload.at, () => this.begin(reload));
  }

  /** A way to the relay, for the `n`th of several or for any. */
  pick(n?: number): string | undefined {
    const { random, scenario } = this.world;
    const { ingresses } = scenario;
    if (ingresses === 0) return undefined;
    return `ingress-${n === undefined ? random.int(0, ingresses - 1) : n % ingresses}`;
  }

  /** Whether the operator announced that this ingress goes. */
  isLeaving(ingress: string | undefined): boolean {
    return ingress !== undefined && this.leaving.has(ingress);
  }

  private begin(reload: Reload) {
    const { clock } = this.world;
    const ingress = `ingress-${reload.ingress}`;
    if (reload.announced) this.announce(ingress, reload.deadlineMs);
    const later = (ms: number | undefined, fn: () => void) => {
      if (ms !== undefined) clock.after(ms, fn);
    };
    later(reload.againAfterMs, () => this.announce(ingress, reload.deadlineMs));
    later(reload.cancelAfterMs, () => this.cancel(ingress));
    later(reload.cutAfterMs, () => this.cut(ingress));
  }

  private announce(ingress: string, deadlineMs: number) {
    const { clock, ledger, relay, servers } = this.world;
    const running = relay.ingresses.get(ingress)?.reload?.remainingMs;
    try {
      const { state } = relay.ingresses.reload(ingress, deadlineMs);
      ledger.count(running ? 'reload asked for again' : 'reload announced');
      if (state === 'waiting') ledger.count('reload waits for a way');
    } catch (error) {
      const isUnknown = error instanceof UnknownIngressError;
      if (!isUnknown && !(error instanceof LastIngressError)) throw error;
      ledger.count(`reload refused: ${isUnknown ? 'unknown ingress' : 'last ingress'}`);
      return;
    }
    if (servers.some(({ state }) => state === 'leaving')) ledger.count('reload during a drain');
    ledger.trace(() => `the reload of ${ingress} is announced, ${deadlineMs} ms`);
    this.leaving.add(ingress);
    if (!running) this.watch(ingress, clock.now() + deadlineMs);
  }

  /** A reload is over in time, says so once, and nothing is left when it says that it is ready. */
  private watch(ingress: string, deadline: number) {
    const { clock, ledger, relay } = this.world;
    let ends = 0;
    relay.ingresses.whenOver(ingress, () => {
      const { state, links, clients } = relay.ingresses.get(ingress)!.reload!;
      ledger.count(`reload ${state}`);
      ledger.trace(() => `the reload of ${ingress} is ${state}`);
      if (++ends > 1) ledger.violate(5, `the reload of ${ingress} ends again`);
      if (state === 'ready' && links.remaining + clients.remaining > 0) {
        ledger.violate(5, `${ingress} is ready with ${links.remaining} links`);
      }
    });
    clock.after(Math.max(0, deadline - clock.now()) + SLACK_MS, () => {
      if (ends === 0) ledger.violate(5, `the reload of ${ingress} is not over at its deadline`);
    });
  }

  private cancel(ingress: string) {
    if (this.world.relay.ingresses.cancel(ingress)) this.world.ledger.count('reload cancelled');
  }

  /** The proxy's old workers are gone, and with them all that came through them. */
  private cut(ingress: string) {
    const { clients, ledger, relay, servers } = this.world;
    const state = relay.ingresses.get(ingress)?.reload?.state;
    ledger.count(state ? `ingress cut when ${state}` : 'ingress cut without a word');
    ledger.trace(() => `all through ${ingress} is cut`);
    for (const server of servers) server.loseIngress(ingress);
    for (const client of clients) if (client.ingress === ingress) client.leave(true);
  }
}
