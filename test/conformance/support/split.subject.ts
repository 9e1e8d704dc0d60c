import { createApp, HOST, listen, running } from './app.js';
import { library, shutdown, untilServed } from './library.js';
import type { Subject } from './subject.js';

/** A relay app that holds the clients and a hub app that holds the gateways. */
export const split: Subject = {
  name: 'split',
  async start(module, { messageParser } = {}) {
    const { MigrationModule } = await library();
    const relay = await createApp({
      imports: [MigrationModule.forRoot({ role: 'relay', shutdown })],
    });
    const port = await listen(relay);
    const migration = MigrationModule.forRoot({
      role: 'hub',
      shutdown,
      hub: {
        relays: [`ws://${HOST}:${port}/migration/service`],
        ...(messageParser && { messageParser }),
      },
    });
    const hub = await createApp({ ...module, imports: [migration, ...(module.imports ?? [])] });
    await listen(hub);
    await untilServed(relay);
    return running(hub, port, [hub, relay]);
  },
};
