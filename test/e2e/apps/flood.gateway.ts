import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayDisconnect } from '@nestjs/websockets';
import type { HubClient } from 'nestjs-ws-migration';
import { report } from './parent.js';

/** Time between two pushes to a client, in milliseconds, once it took the one before. */
const PUSH_MS = 2;

/** Answers numbered messages and pushes numbered ones on its own; finds gaps and repeats. */
@WebSocketGateway({ path: '/flood' })
export class FloodGateway implements OnGatewayConnection, OnGatewayDisconnect {
  handleConnection(client: HubClient) {
    if (!client.migration) report('connect', { connectionId: client.connectionId });
    let pushed = 0;
    const push = () => {
      if (client.readyState !== 1) return;
      const text = JSON.stringify({ event: `push from ${process.pid}`, data: ++pushed });
      client.send(text, (error) => error || setTimeout(push, PUSH_MS));
    };
    push();
  }

  handleDisconnect(client: HubClient) {
    if (!client.migration) report('disconnect', { connectionId: client.connectionId });
  }

  @SubscribeMessage('in')
  take(@ConnectedSocket() client: HubClient, @MessageBody() n: number) {
    const { connectionId, migration } = client;
    const last = this.handled.get(connectionId);
    // Another server handled those before.
    const expected = last === undefined && migration ? n : (last ?? 0) + 1;
    if (n !== expected) report('disorder', { connectionId, expected, n });
    this.handled.set(connectionId, n);
    return { event: 'echo', data: n };
  }

  private readonly handled = new Map<string, number>();
}
