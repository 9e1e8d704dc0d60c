import { onTestFinished } from 'vitest';
import { LIMIT_MS } from '../../conformance/support/client.js';
import type { AppProcess } from './app-process.js';

const TOKEN = 'the-admin-token-of-these-tests-0123456789';

/** Variables of a relay that has the admin API. */
export const adminEnabled = { MIGRATION_ADMIN_ENABLED: 'true', MIGRATION_ADMIN_TOKENS: TOKEN };

export interface AdminAnswer {
  status: number;
  body: Record<string, unknown>;
}

/** The admin API of a relay process, and its stream of migration events. */
export class AdminClient {
  /** What the stream has told so far. */
  readonly events: Record<string, unknown>[] = [];

  constructor(private readonly relay: AppProcess) {}

  /** The migration of a connection: look, ask for it (again), call it off. */
  async migration(
    method: 'GET' | 'POST' | 'DELETE',
    connectionId: string,
    body?: object,
  ): Promise<AdminAnswer> {
    const answer = await this.fetch(`/connections/${connectionId}/migration`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    return {
      status: answer.status,
      body: JSON.parse(await answer.text()) as AdminAnswer['body'],
    };
  }

  /** Listens to the migrations of all connections until the test ends. */
  async listen(): Promise<void> {
    const ended = new AbortController();
    onTestFinished(() => ended.abort());
    const { body, status } = await this.fetch('/migrations/events', { signal: ended.signal });
    if (status !== 200 || !body) throw new Error(`the events were answered ${status}`);
    void this.read(body).catch(() => {});
  }

  private async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop()!;
      const data = lines.filter((line) => line.startsWith('data: '));
      this.events.push(...data.map((line) => JSON.parse(line.slice(6)) as Record<string, unknown>));
    }
  }

  private fetch(path: string, request: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.relay.port}/migration/admin${path}`, {
      ...request,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    });
  }
}
