import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { PATH } from '../load/wire.js';

/** The gateway of all subjects. */
@WebSocketGateway({ path: PATH })
export class BenchGateway {
  @WebSocketServer()
  private readonly server!: { readonly clients: Set<Pick<WebSocket, 'send'>> };

  @SubscribeMessage('echo')
  echo(@MessageBody() data: string) {
    return { event: 'echo', data };
  }

  @SubscribeMessage('fanOut')
  fanOut(@MessageBody() data: string): void {
    const message = JSON.stringify({ event: 'echo', data });
    for (const client of this.server.clients) client.send(message);
  }
}
