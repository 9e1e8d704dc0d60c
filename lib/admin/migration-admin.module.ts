import { Inject, Module } from '@nestjs/common';
import type { NestModule } from '@nestjs/common';
import { ModulesContainer, RouterModule } from '@nestjs/core';
import { RESOLVED_OPTIONS } from '../migration.tokens.js';
import type { ResolvedOptions } from '../options/index.js';
import { AdminRelay } from './admin-relay.js';
import { AdminGuard } from './admin.guard.js';
import { Answers } from './answers.js';
import { BodyErrors } from './body-errors.js';
import { MigrationAdminController } from './migration-admin.controller.js';
import { describeInOpenApi } from './open-api.js';
import { ProblemFilter } from './problem.filter.js';

/**
 * The HTTP admin API of a relay, on the application's HTTP server. Import it next to
 * `MigrationModule`, whose options `admin` say whether, where and to whom it is served.
 * @publicApi
 */
@Module({
  controllers: [MigrationAdminController],
  providers: [
    AdminGuard,
    Answers,
    BodyErrors,
    ProblemFilter,
    {
      // The path is an option, known from here on; Nest asks for it after all providers are built.
      provide: RouterModule,
      inject: [ModulesContainer, RESOLVED_OPTIONS],
      useFactory: (modules: ModulesContainer, { admin }: ResolvedOptions) =>
        new RouterModule(modules, [{ path: admin.path, module: MigrationAdminModule }]),
    },
  ],
})
export class MigrationAdminModule implements NestModule {
  constructor(
    @Inject(AdminRelay) relay: AdminRelay,
    @Inject(BodyErrors) private readonly bodyErrors: BodyErrors,
  ) {
    relay.imported = true;
    describeInOpenApi();
  }

  configure(): void {
    this.bodyErrors.install();
  }
}
