import { Injectable } from '@nestjs/common';
import type { RelayCore } from '../relay/relay-core.js';
import { relayNotRunning } from './admin.problems.js';

/** Where the relay and the admin API meet: the API is built before the relay is. */
@Injectable()
export class AdminRelay {
  /** Whether the application imports `MigrationAdminModule`. */
  imported = false;
  private core: RelayCore | undefined;

  attach(core: RelayCore): void {
    this.core = core;
  }

  /** @throws ProblemException until the relay runs */
  get relay(): RelayCore {
    if (!this.core) throw relayNotRunning();
    return this.core;
  }
}
