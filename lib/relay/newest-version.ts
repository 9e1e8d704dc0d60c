/** A hub server, as far as its age matters. */
export interface AgedServer {
  readonly version: string;
  /** When its process started, in milliseconds since 1970; unknown of older hub servers. */
  readonly startedAt: number | undefined;
}

/**
 * Those of the version that was deployed last, which is that of the server that started last: a
 * client that moves goes to it at once, and need not move again when the rest is replaced. A rollback
 * is a deploy, too. All candidates when none has that version.
 * @param servers all that serve the endpoint, those that take no connections included
 */
export function preferNewest<Server extends AgedServer>(
  candidates: Server[],
  servers: Iterable<AgedServer>,
): Server[] {
  let newest: AgedServer | undefined;
  for (const server of servers) {
    const { startedAt = -Infinity } = server;
    if (!newest || startedAt >= (newest.startedAt ?? -Infinity)) newest = server;
  }
  if (newest?.startedAt === undefined) return candidates;
  const preferred = candidates.filter(({ version }) => version === newest.version);
  return preferred.length > 0 ? preferred : candidates;
}
