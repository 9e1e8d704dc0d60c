import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/**
 * Writes answers by itself, on every platform alike, so that interceptors of the application cannot
 * put them into another form.
 */
@Injectable()
export class Answers {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  send(
    response: unknown,
    status: number,
    body: object,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const { httpAdapter } = this.host;
    if (httpAdapter.isHeadersSent(response)) return;
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    const all = { 'Content-Type': type, 'Cache-Control': 'no-store', ...headers };
    for (const [name, value] of Object.entries(all)) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, JSON.stringify(body), status);
  }

  /** The path that the client asked for, the application's global prefix included. */
  pathOf(request: unknown): string {
    const url: unknown = this.host.httpAdapter.getRequestUrl(request);
    return String(url).replace(/\?.*$/, '');
  }
}
