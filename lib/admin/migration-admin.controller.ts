import {
  Controller,
  Delete,
  Get,
  Inject,
  Param,
  Post,
  Req,
  Res,
  Sse,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Observable } from 'rxjs';
import { RESOLVED_OPTIONS } from '../migration.tokens.js';
import type { ResolvedOptions } from '../options/index.js';
import { LastIngressError, UnknownIngressError } from '../relay/ingress-reload-report.js';
import type { IngressReloadReport } from '../relay/ingress-reload-report.js';
import type { MigrationReply } from '../relay/migration-requests.js';
import {
  findConnection,
  findServer,
  listConnections,
  listServers,
  listServiceConnections,
} from '../relay/relay-views.js';
import { AdminRelay } from './admin-relay.js';
import {
  CONNECTIONS_QUERY,
  DEFAULT_LIMIT,
  MIGRATION_BODY,
  RELOAD_BODY,
  RELOAD_QUERY,
  readId,
} from './admin.fields.js';
import { AdminGuard } from './admin.guard.js';
import {
  lastIngress,
  migrationRefused,
  noReload,
  unknownConnection,
  unknownIngress,
  unknownServer,
} from './admin.problems.js';
import { Answers } from './answers.js';
import { streamMigrations } from './migration-stream.js';
import { ProblemFilter } from './problem.filter.js';
import { readBody, readQuery } from './request-fields.js';
import type { AdminRequest } from './request-fields.js';
import { untilOver } from './until-over.js';

/** Requests that may wait for the end of a reload at a time; further ones are answered at once. */
const MAX_WAITING = 1000;

/**
 * The routes of the admin API. Applications import `MigrationAdminModule`; they need this class only
 * to mark it for their own global guards, as in `Public()(MigrationAdminController)`.
 * @publicApi
 */
@Controller({ version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class MigrationAdminController {
  private waiting = 0;

  constructor(
    @Inject(AdminRelay) private readonly admin: AdminRelay,
    @Inject(Answers) private readonly answers: Answers,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  @Get('ingresses')
  listIngresses(@Res() response: unknown): void {
    this.answers.send(response, 200, { ingresses: this.ingresses.list() });
  }

  @Get('ingresses/:id')
  getIngress(@Param('id') id: string, @Res() response: unknown): void {
    this.answers.send(response, 200, this.ingress(readId(id)));
  }

  @Post('ingresses/:id/reload')
  async reloadIngress(
    @Param('id') id: string,
    @Req() request: AdminRequest,
    @Res() response: unknown,
  ): Promise<void> {
    const ingress = readId(id);
    const { wait } = readQuery(request, RELOAD_QUERY);
    const { deadlineMs = this.options.relay.ingressReloadMs } = readBody(request, RELOAD_BODY);
    const begun = this.begin(ingress, deadlineMs);
    if (wait && isUnderWay(begun) && !(await this.wait(ingress, response))) return;
    const report = this.ingresses.get(ingress)?.reload ?? begun;
    if (isUnderWay(report)) {
      this.answers.send(response, 202, report, { Location: this.answers.pathOf(request) });
    } else {
      this.answers.send(response, 200, report);
    }
  }

  @Get('ingresses/:id/reload')
  getReload(@Param('id') id: string, @Res() response: unknown): void {
    this.answers.send(response, 200, this.reload(readId(id)));
  }

  @Delete('ingresses/:id/reload')
  cancelReload(@Param('id') id: string, @Res() response: unknown): void {
    const ingress = readId(id);
    this.reload(ingress);
    this.ingresses.cancel(ingress);
    this.answers.send(response, 200, this.reload(ingress));
  }

  @Get('servers')
  listServers(@Res() response: unknown): void {
    this.answers.send(response, 200, { servers: listServers(this.admin.relay) });
  }

  @Get('servers/:id')
  getServer(@Param('id') id: string, @Res() response: unknown): void {
    const server = findServer(this.admin.relay, readId(id));
    if (!server) throw unknownServer(id);
    this.answers.send(response, 200, server);
  }

  @Get('service-connections')
  listServiceConnections(@Res() response: unknown): void {
    const serviceConnections = listServiceConnections(this.admin.relay);
    this.answers.send(response, 200, { serviceConnections });
  }

  @Get('connections')
  listConnections(@Req() request: AdminRequest, @Res() response: unknown): void {
    const { limit = DEFAULT_LIMIT, ...filter } = readQuery(request, CONNECTIONS_QUERY);
    this.answers.send(response, 200, listConnections(this.admin.relay, { limit, ...filter }));
  }

  @Get('connections/:id')
  getConnection(@Param('id') id: string, @Res() response: unknown): void {
    const connection = findConnection(this.admin.relay, readId(id));
    if (!connection) throw unknownConnection(id);
    this.answers.send(response, 200, connection);
  }

  @Post('connections/:id/migration')
  requestMigration(
    @Param('id') id: string,
    @Req() request: AdminRequest,
    @Res() response: unknown,
  ): void {
    const connectionId = readId(id);
    const order = readBody(request, MIGRATION_BODY);
    const reply = this.admin.relay.migrations.request(connectionId, order);
    const headers = { Location: this.answers.pathOf(request) };
    this.answers.send(response, 202, progressOf(connectionId, reply), headers);
  }

  @Get('connections/:id/migration')
  getMigration(@Param('id') id: string, @Res() response: unknown): void {
    const reply = this.admin.relay.migrations.state(readId(id));
    this.answers.send(response, 200, progressOf(id, reply));
  }

  @Delete('connections/:id/migration')
  cancelMigration(@Param('id') id: string, @Res() response: unknown): void {
    const reply = this.admin.relay.migrations.cancel(readId(id));
    this.answers.send(response, 200, progressOf(id, reply));
  }

  @Sse('migrations/events')
  migrationEvents(@Res() response: unknown): Observable<MessageEvent> {
    return streamMigrations(this.admin.relay.migrationEvents, rawOf(response));
  }

  private get ingresses() {
    return this.admin.relay.ingresses;
  }

  private ingress(id: string) {
    const view = this.ingresses.get(id);
    if (!view) throw unknownIngress(id);
    return view;
  }

  private reload(id: string): IngressReloadReport {
    const { reload } = this.ingress(id);
    if (!reload) throw noReload(id);
    return reload;
  }

  private begin(ingress: string, deadlineMs: number): IngressReloadReport {
    try {
      return this.ingresses.reload(ingress, deadlineMs);
    } catch (error) {
      if (error instanceof UnknownIngressError) throw unknownIngress(ingress);
      if (error instanceof LastIngressError) throw lastIngress(ingress, error.servers);
      throw error;
    }
  }

  /** @returns false when the client hung up */
  private async wait(ingress: string, response: unknown): Promise<boolean> {
    if (this.waiting >= MAX_WAITING) return true;
    this.waiting++;
    try {
      return await untilOver(this.ingresses, ingress, rawOf(response));
    } finally {
      this.waiting--;
    }
  }
}

/** @throws ProblemException when it was refused */
function progressOf(connectionId: string, { result, ...progress }: MigrationReply) {
  if (result !== 'ok') throw migrationRefused(connectionId, result, progress.state);
  return { connectionId, ...progress };
}

function isUnderWay({ state }: IngressReloadReport): boolean {
  return state === 'running' || state === 'waiting';
}

/** Fastify wraps the response, Express does not. */
function rawOf(response: unknown): ServerResponse {
  return (response as { raw?: ServerResponse }).raw ?? (response as ServerResponse);
}
