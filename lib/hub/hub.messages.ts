import type { EndpointKey } from '../protocol/messages.js';

const named = ({ port, path }: EndpointKey) => (port === 0 ? path : `port ${port}, path ${path}`);

export const hookNeedsStaticGateway = (gateway: string, method: string): string =>
  `${gateway}.${method}() is called when a client connects or the server shuts down, not within a request, so ${gateway} must not be request-scoped. Remove the request scope from the gateway and its dependencies, or move the method to another provider.`;

export const gatewaysContradict = (
  option: string,
  endpoint: EndpointKey,
  first: string,
  second: string,
): string =>
  `${first} and ${second} share the clients of ${named(endpoint)} but ask for different values of "${option}" in @Migratable(). Give both the same value, or different paths.`;

export const foreignAdapter = (name: string): string =>
  `MigrationModule sets the WebSocket adapter itself, but the application uses ${name}. Remove app.useWebSocketAdapter(); for a message parser use the option hub.messageParser.`;

export const namespacesNotSupported = (namespace: string): string =>
  `@WebSocketGateway({ namespace: '${namespace}' }): namespaces are a feature of Socket.IO. Use "path" to tell gateways apart.`;

export const connectionHandlerFailed = (connectionId: string): string =>
  `handleConnection failed for connection ${connectionId}; the client is closed with 1011`;

export const serviceConnectionLost = (url: string, code: number, reason: string): string =>
  `Service connection to ${url} ended: ${code}${reason ? ` ${reason}` : ''}`;

export const relayUnreachable = (url: string, cause: string, retryMs: number): string =>
  `Cannot reach the relay at ${url}: ${cause}; next attempt in ${Math.round(retryMs)} ms`;
