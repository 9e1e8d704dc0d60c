import type { ServerSelector } from '../protocol/messages.js';

/** Whether a hub server has all properties that the selector names. */
export function fits(
  server: Readonly<Required<ServerSelector>>,
  { serverId, serverName, version }: ServerSelector,
): boolean {
  return (
    (serverId === undefined || serverId === server.serverId) &&
    (serverName === undefined || serverName === server.serverName) &&
    (version === undefined || version === server.version)
  );
}
