import { createApp, listen, running } from './app.js';
import { library, shutdown, untilServed } from './library.js';
import type { Subject } from './subject.js';

/** The library in one process: relay and hub joined without serialisation. */
export const both: Subject = {
  name: 'both',
  async start(module, { messageParser } = {}) {
    const { MigrationModule } = await library();
    const migration = MigrationModule.forRoot({
      shutdown,
      ...(messageParser && { hub: { messageParser } }),
    });
    const app = await createApp({ ...module, imports: [migration, ...(module.imports ?? [])] });
    const port = await listen(app);
    await untilServed(app);
    return running(app, port, [app]);
  },
};
