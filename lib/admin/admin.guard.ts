import { Inject, Injectable, NotFoundException } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { RESOLVED_OPTIONS } from '../migration.tokens.js';
import type { ResolvedOptions } from '../options/index.js';
import { unauthorized } from './admin.problems.js';

/** Lets those in who have a token; where the admin API is not enabled, it does not exist. */
@Injectable()
export class AdminGuard implements CanActivate {
  private readonly enabled: boolean;
  private readonly digests: readonly Buffer[];

  constructor(@Inject(RESOLVED_OPTIONS) { admin }: ResolvedOptions) {
    this.enabled = admin.enabled;
    this.digests = admin.tokens.map(digestOf);
  }

  canActivate(context: ExecutionContext): boolean {
    if (!this.enabled) throw new NotFoundException();
    const { headers } = context.switchToHttp().getRequest<{ headers: IncomingHttpHeaders }>();
    const [, token] = /^Bearer +([^ ]+) *$/i.exec(headers.authorization ?? '') ?? [];
    if (token === undefined || !this.isKnown(token)) throw unauthorized(token !== undefined);
    return true;
  }

  /** Takes the same time whichever token it is like, and however much. */
  private isKnown(token: string): boolean {
    const digest = digestOf(token);
    return this.digests.map((known) => timingSafeEqual(known, digest)).includes(true);
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
