import type { EventEmitter } from 'node:events';

import type { IngressControl } from '../relay/ingress-reload-report.js';

/**
 * Waits until the reload of an ingress is over, which is by its deadline at the latest.
 * @param connection emits `close` when the client hangs up
 * @returns false when the client hung up
 */
export function untilOver(
  control: IngressControl,
  ingress: string,
  connection: EventEmitter & { readonly destroyed?: boolean },
): Promise<boolean> {
  return new Promise((resolve) => {
    if (connection.destroyed) {
      resolve(false);
      return;
    }
    const hungUp = () => {
      stopListening();
      resolve(false);
    };
    connection.once('close', hungUp);
    const stopListening = control.whenOver(ingress, () => {
      connection.off('close', hungUp);
      resolve(true);
    });
  });
}
