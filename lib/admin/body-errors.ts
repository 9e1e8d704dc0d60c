import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { RESOLVED_OPTIONS } from '../migration.tokens.js';
import type { ResolvedOptions } from '../options/index.js';
import { unreadableBody } from './admin.problems.js';
import { Answers } from './answers.js';
import { hasContent } from './request-fields.js';
import type { AdminRequest } from './request-fields.js';

type ErrorHandler = (error: unknown, request: AdminRequest, reply: unknown) => void;
type RequestHook = (request: AdminRequest, reply: unknown, done: () => void) => void;

/** What is used of Fastify, which applications need not have. */
interface FastifyLike {
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
}

interface FastifyRoute {
  url: string;
  method: string | string[];
  errorHandler?: ErrorHandler;
  onRequest?: RequestHook | RequestHook[];
}

/**
 * Answers requests whose body the platform cannot read as problems, too: they fail before any route,
 * where no filter of a controller sees them.
 */
@Injectable()
export class BodyErrors {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(Answers) private readonly answers: Answers,
  ) {}

  /** To be called between the platform's body parser and the routes. */
  install(): void {
    const { httpAdapter } = this.host;
    if (!this.options.admin.enabled) return;
    if (httpAdapter.getType() === 'fastify') this.installOnFastify(httpAdapter.getInstance());
    else httpAdapter.use(this.onExpress);
  }

  /** Express takes a function with four parameters for an error handler. */
  private readonly onExpress = (
    error: unknown,
    request: AdminRequest,
    response: unknown,
    next: (error: unknown) => void,
  ) => {
    if (this.isOurs(this.answers.pathOf(request))) this.answer(error, response, next);
    else next(error);
  };

  private installOnFastify(fastify: FastifyLike) {
    fastify.addHook('onRoute', (route) => {
      if (!this.isOurs(route.url)) return;
      route.errorHandler = (error, _request, reply) => {
        this.answer(error, reply, (other) => {
          throw other;
        });
      };
      if (route.method !== 'DELETE') return;
      route.onRequest = [forgetTypeOfNothing].concat(route.onRequest ?? []);
    });
  }

  private answer(error: unknown, response: unknown, otherwise: (error: unknown) => void) {
    const exception = unreadableBody(error);
    if (exception) this.answers.send(response, exception.problem.status, exception.problem);
    else otherwise(error);
  }

  /** The global prefix may leave the admin API out. */
  private isOurs(path: string): boolean {
    const { path: own } = this.options.admin;
    const prefixed = `/${this.config.getGlobalPrefix()}${own}`.replace(/\/+/g, '/');
    const given = `${path.toLowerCase()}/`;
    return [own, prefixed].some((base) => given.startsWith(`${base.toLowerCase()}/`));
  }
}

/** Fastify reads what is declared as JSON, even on routes that take no body. */
function forgetTypeOfNothing({ headers }: AdminRequest, _reply: unknown, done: () => void) {
  if (!hasContent(headers)) delete headers['content-type'];
  done();
}
