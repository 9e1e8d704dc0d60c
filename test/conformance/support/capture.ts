import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';
import type { ClientOptions, WebSocket } from 'ws';
import { connect, type TestClient } from './client.js';
import { deferred, start } from './harness.js';
import type { Running, Subject } from './subject.js';

export interface Captured {
  running: Running;
  /** The client's own end. */
  client: TestClient;
  /** The object that the gateway got for this client. */
  server: WebSocket;
  request: IncomingMessage;
  /** What `handleDisconnect` got as its second argument, per call. */
  disconnects: unknown[];
}

export interface CaptureOptions extends ClientOptions {
  url?: string;
  protocols?: string[];
}

/** Both ends of one connection to a gateway at /captured that answers `fine`. */
export async function capture(subject: Subject, options: CaptureOptions = {}): Promise<Captured> {
  const { url = '/captured', protocols, ...clientOptions } = options;
  const connection = deferred<Pick<Captured, 'server' | 'request'>>();
  const disconnects: unknown[] = [];

  @WebSocketGateway({ path: '/captured' })
  class CapturingGateway implements OnGatewayConnection {
    handleConnection(server: WebSocket, request: IncomingMessage): void {
      connection.resolve({ server, request });
    }

    handleDisconnect(_server: WebSocket, code: unknown): void {
      disconnects.push(code);
    }

    @SubscribeMessage('fine')
    fine(): string {
      return 'fine';
    }
  }

  const running = await start(subject, [CapturingGateway]);
  const client = await connect(running.url(url), protocols, clientOptions);
  return { running, client, disconnects, ...(await connection.promise) };
}
