export const hookFailed = (gateway: string): string =>
  `A shutdown hook of ${gateway} failed; the shutdown goes on`;

export const hookTooLong = (gateway: string): string =>
  `A shutdown hook of ${gateway} did not end in its time (half of shutdown.timeoutMs for all hooks); the shutdown goes on`;

export const finUnanswered = (): string =>
  'A relay did not acknowledge that this server is offline within half of shutdown.timeoutMs; the shutdown goes on';

export const connectionsLeft = (count: number): string =>
  `${count} connections did not leave within shutdown.timeoutMs; they are closed with 1012`;
