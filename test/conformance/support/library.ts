import type { INestApplication } from '@nestjs/common';
import { vi } from 'vitest';

type Library = typeof import('../../../lib/index.js');

const entry = '../../../lib/index.js';

/** Imported lazily, so that the stock subject needs nothing of the library. */
export const library = (): Promise<Library> => import(/* @vite-ignore */ entry);

/** Resolves when the relay of `app` knows a hub server, hence its gateways' paths. */
export async function untilServed(app: INestApplication): Promise<void> {
  const { MigrationService } = await library();
  const service = app.get(MigrationService, { strict: false });
  await vi.waitFor(
    () => {
      if (!service.stats().relay?.servers.some((server) => server.serviceConnections > 0)) {
        throw new Error('no hub server has connected to the relay');
      }
    },
    { timeout: 5_000, interval: 5 },
  );
}

/** The suite closes apps with clients still connected: do not wait for a target. */
export const shutdown = { mode: 'off' } as const;
