import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import type { OnGatewayConnection } from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';

/** An ordinary gateway that knows nothing of the package. */
@WebSocketGateway({ path: '/chat' })
export class ChatGateway implements OnGatewayConnection {
  private readonly urls = new WeakMap<object, string | undefined>();

  handleConnection(client: object, request: IncomingMessage) {
    this.urls.set(client, request.url);
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() data: string) {
    return { event: 'echo', data };
  }

  @SubscribeMessage('url')
  url(@ConnectedSocket() client: object) {
    return { event: 'url', data: this.urls.get(client) };
  }
}
