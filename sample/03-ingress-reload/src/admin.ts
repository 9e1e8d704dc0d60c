/** Above the deadline of every reload, in milliseconds. */
const LIMIT_MS = 60_000;
const PAGE = 1000;

/** What the relay says of a reload, as far as it matters here. */
export interface ReloadReport {
  state: string;
  links: { moved: number; remaining: number };
}

/** The link of a client. */
export interface LinkView {
  connectionId: string;
  /** Grows whenever the link is bound to another service connection; absent while it is to none. */
  epoch?: number;
  /** serverId of the hub server that has it. */
  server?: string;
}

/** The relay's admin API, as far as the samples need it. */
export class Admin {
  /** @param url its base, such as `http://127.0.0.1:3000/migration/admin` */
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  /**
   * Tells the relay that an ingress is going to be reloaded. Resolves when nothing depends on it any
   * more, or the deadline has come.
   *
   * @throws when it is refused
   */
  async announceReload(ingress: string, deadlineMs: number): Promise<ReloadReport> {
    const path = `/ingresses/${encodeURIComponent(ingress)}/reload?wait=true`;
    return this.call<ReloadReport>(path, { method: 'POST', body: JSON.stringify({ deadlineMs }) });
  }

  /** How many links are on service connections through an ingress. */
  async linksThrough(ingress: string): Promise<number> {
    const { links } = await this.call<{ links: number }>(
      `/ingresses/${encodeURIComponent(ingress)}`,
    );
    return links;
  }

  /** The ids of the service connections through an ingress. */
  async serviceConnectionsThrough(ingress: string): Promise<string[]> {
    const { serviceConnections } = await this.call<{
      serviceConnections: { id: string; state: string; ingress?: string }[];
    }>('/service-connections');
    return serviceConnections
      .filter((it) => it.ingress === ingress && it.state === 'open')
      .map(({ id }) => id);
  }

  /** The links of all clients. */
  async links(): Promise<LinkView[]> {
    const links: LinkView[] = [];
    for (let path: string | undefined = `/connections?limit=${PAGE}`; path !== undefined;) {
      const page: { connections: LinkView[]; next?: string } = await this.call(path);
      links.push(...page.connections);
      path = page.next && `/connections?limit=${PAGE}&after=${page.next}`;
    }
    return links;
  }

  /**
   * Asks the relay to move a client to a hub server.
   *
   * @throws when it is refused
   */
  async migrate(connectionId: string, to: { serverId: string }, deadlineMs: number): Promise<void> {
    const body = JSON.stringify({ to, deadlineMs });
    await this.call(`/connections/${connectionId}/migration`, { method: 'POST', body });
  }

  private async call<T>(path: string, request: RequestInit = {}): Promise<T> {
    const answer = await fetch(`${this.url}${path}`, {
      ...request,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const text = await answer.text();
    if (!answer.ok) {
      // A problem document says what was wrong and what to do.
      throw new Error(`${request.method ?? 'GET'} ${path} was answered ${answer.status}: ${text}`);
    }
    return JSON.parse(text) as T;
  }
}
