import { Controller, Get, NotFoundException, Req } from '@nestjs/common';
import { MigrationService } from 'nestjs-ws-migration';
import type { IncomingMessage } from 'node:http';

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/** What this process knows about its connections. Internal: answers to this host only. */
@Controller('stats')
export class StatsController {
  constructor(private readonly migration: MigrationService) {}

  @Get()
  stats(@Req() request: IncomingMessage) {
    if (!LOOPBACK.has(request.socket.remoteAddress ?? '')) {
      throw new NotFoundException();
    }
    return this.migration.stats();
  }
}
