import type { MigratableOptions } from 'nestjs-ws-migration';
import { Counter, ExportStateV1, ExportStateV2 } from './export-state.js';

/** The release of the app that this process is: both are in one image, for the sake of the sample. */
export const release = process.env.MIGRATION_HUB_VERSION ?? '2';

const first: MigratableOptions = { state: ExportStateV1, version: 1 };

const second: MigratableOptions = {
  state: ExportStateV2,
  types: [Counter],
  version: 2,
  upgrade: {
    1: ({ since, finished, servers, ...counted }) => ({
      since,
      finished,
      servers: new Set(servers as string[]),
      counter: Object.assign(new Counter(), counted),
    }),
  },
};

/** Release 1 has the first form of the state, all later ones have the second. */
export const migratable: MigratableOptions = release === '1' ? first : second;
