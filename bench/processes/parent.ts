import type { Message, Request } from './messages.js';

/** Tells the bench something; resolves when it is on its way. */
export function tell(message: Message): Promise<void> {
  return new Promise((resolve) => {
    process.send!(message, undefined, undefined, () => resolve());
  });
}

/** Handles what the bench asks for; an error ends this process, and the bench gets to know it. */
export function onAsked(handle: (request: Request) => void | Promise<void>): void {
  process.on('message', (request) => {
    void (async () => handle(request as Request))().catch(fail);
  });
  // The bench has gone: so does what it started.
  process.once('disconnect', () => process.exit(1));
}

export async function fail(error: unknown): Promise<void> {
  await tell({ kind: 'failed', reason: (error as Error).stack ?? String(error) });
  process.exit(1);
}
