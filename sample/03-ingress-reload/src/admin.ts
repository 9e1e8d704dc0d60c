import { setTimeout as sleep } from 'node:timers/promises';

/** Above the time that the relay takes for any answer, in milliseconds. */
const LIMIT_MS = 60_000;
const RETRY_MS = 100;

/** What the relay says of a reload, as far as it is needed here. */
export interface Announced {
  state: string;
  links: { moved: number; remaining: number };
}

/** The calls of the relay's admin API that a deploy script makes. */
export class Admin {
  /** @param url the API's base, such as `http://127.0.0.1:3000/migration/admin` */
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  /**
   * Tells the relay that an ingress is going to be reloaded, and waits until nothing depends on it.
   *
   * @throws when it is refused, or not done by the deadline
   */
  async announceReload(ingress: string, deadlineMs: number): Promise<Announced> {
    const path = `/ingresses/${encodeURIComponent(ingress)}/reload?wait=true`;
    const report = (await this.call('POST', path, { deadlineMs })) as Announced;
    if (report.state !== 'ready') {
      throw new Error(`${ingress} is not ready to be reloaded: ${JSON.stringify(report)}`);
    }
    return report;
  }
}
