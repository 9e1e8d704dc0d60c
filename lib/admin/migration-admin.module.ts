import { Inject, Module } from '@nestjs/common';
import { ModulesContainer, RouterModule } from '@nestjs/core';
import { RESOLVED_OPTIONS } from '../migration.tokens.js';
import type { ResolvedOptions } from '../options/index.js';
import { AdminRelay } from './admin-relay.js';
import { AdminGuard } from './admin.guard.js';
import { Answers } from './answers.js';
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
  providers: [AdminGuard, Answers, ProblemFilter],
})
export class MigrationAdminModule {
  constructor(
    @Inject(RESOLVED_OPTIONS) { admin }: ResolvedOptions,
    @Inject(AdminRelay) relay: AdminRelay,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    relay.imported = true;
    // The options are known from here on, and Nest asks for paths only after all modules are built.
    new RouterModule(modules, [{ path: admin.path, module: MigrationAdminModule }]);
    describeInOpenApi();
  }
}
