import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import type { HubClient, HubServer } from 'nestjs-ws-migration';

const MAX_NAME = 40;
const MAX_TEXT = 2000;

@WebSocketGateway({ path: '/chat' })
export class ChatGateway implements OnGatewayConnection<HubClient>, OnGatewayDisconnect<HubClient> {
  @WebSocketServer()
  private readonly server!: HubServer;

  handleConnection(client: HubClient): void {
    if (!client.migration) {
      client.send(JSON.stringify({ event: 'welcome', data: { id: client.connectionId } }));
      this.toAll('count', { online: this.server.clients.size });
    }
  }

  handleDisconnect(client: HubClient): void {
    if (!client.migration) {
      this.toAll('count', { online: this.server.clients.size });
    }
  }

  @SubscribeMessage('say')
  say(
    @ConnectedSocket() client: HubClient,
    @MessageBody() message: { name?: unknown; text?: unknown },
  ): void {
    const name = String(message?.name || client.connectionId).slice(0, MAX_NAME);
    const text = String(message?.text ?? '').slice(0, MAX_TEXT);
    if (text !== '') {
      this.toAll('said', { name, text });
    }
  }

  private toAll(event: string, data: object): void {
    const message = JSON.stringify({ event, data });
    for (const client of this.server.clients) {
      client.send(message);
    }
  }
}
