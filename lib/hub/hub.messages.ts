import type { EndpointKey } from '../protocol/messages.js';

const named = ({ port, path }: EndpointKey) => (port === 0 ? path : `port ${port}, path ${path}`);

export const hookNeedsStaticGateway = (gateway: string, method: string): string =>
  `${gateway}.${method}() is called when a client connects or the server shuts down, not within a request, so ${gateway} must not be request-scoped. Remove the request scope from the gateway and its dependencies, or move the method to another gateway with the same port and path.`;

export const gatewaysContradict = (
  option: string,
  endpoint: EndpointKey,
  first: string,
  second: string,
): string =>
  `${first} and ${second} share the clients of ${named(endpoint)} but ask for different values of "${option}" in @Migratable(). Give both the same value, or different paths.`;

export const foreignAdapter = (name: string): string =>
  `MigrationModule sets the WebSocket adapter itself, but the application uses ${name}. Remove app.useWebSocketAdapter(); for a message parser use the option hub.messageParser.`;

export const importedTwice = (): string =>
  'MigrationModule is set up more than once. Call MigrationModule.forRoot() or forRootAsync() once, in the imports of the root module; what it exports is available everywhere.';

export const namespacesNotSupported = (namespace: string): string =>
  `@WebSocketGateway({ namespace: '${namespace}' }): namespaces are a feature of Socket.IO. Use "path" to tell gateways apart.`;

export const connectionHandlerFailed = (connectionId: string): string =>
  `handleConnection failed for connection ${connectionId}; the client is closed with 1011`;

export const disconnectHandlerFailed = (): string =>
  'handleDisconnect failed for a connection that has left';

export const arrivalHandlerFailed = (connectionId: string, from: string): string =>
  `handleConnection failed for connection ${connectionId}, which comes from hub server ${from}; it stays there`;

export const connectCheckFailed = (endpoint: EndpointKey): string =>
  `An @OnConnect() method or verifyClient of ${named(endpoint)} failed; the client is answered with 500`;

export const connectCheckTooLong = (limitMs: number): string =>
  `no decision within ${limitMs} ms (hub.connectHookMs); the client is answered with 503`;

export const listenerFailed = (connectionId: string): string =>
  `A listener of connection ${connectionId} failed; the connection goes on`;

export const resultNotSent = (connectionId: string): string =>
  `What a message handler returned cannot be sent to connection ${connectionId}`;

export const notSent = (connectionId: string, code: number): string =>
  `A message cannot be sent to connection ${connectionId}, which is closed with ${code}`;

export const messageTooLarge = (bytes: number, limit: number): string =>
  `a message has ${bytes} bytes or more, hub.maxMessageBytes is ${limit}`;

export const tooSlow = (limit: number): string =>
  `the client is too slow: more than ${limit} bytes wait for it (hub.maxBufferedBytes)`;

export const serviceConnectionLost = (url: string, code: number, reason: string): string =>
  `Service connection to ${url} ended: ${code}${reason ? ` ${reason}` : ''}`;

export const relayUnreachable = (url: string, cause: string, retryMs: number): string =>
  `Cannot reach the relay at ${url}: ${cause}; next attempt in ${Math.round(retryMs)} ms`;

export const commandNotValid = (fault: string): string =>
  `This cannot be asked of a migration: ${fault}.`;
