import { WsAdapter } from '@nestjs/platform-ws';
import { createApp, listen, running } from './app.js';
import type { Subject } from './subject.js';

/** Nest's own adapter: its run proves the expectations. */
export const stock: Subject = {
  name: 'stock',
  async start(module, { messageParser } = {}) {
    const app = await createApp(module);
    app.useWebSocketAdapter(new WsAdapter(app, messageParser && { messageParser }));
    return running(app, await listen(app), [app]);
  },
};
