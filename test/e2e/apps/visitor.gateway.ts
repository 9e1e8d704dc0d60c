import { Injectable } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketServer,
} from '@nestjs/websockets';
import { type HubClient, HubServer } from 'nestjs-ws-migration';
import type { IncomingMessage } from 'node:http';
import { gate, onCommand, report } from './parent.js';

/** This server's name, as clients read it in every answer. */
export const serverName = process.env.MIGRATION_HUB_SERVER_NAME ?? 'unnamed';

/** What every gateway of these tests does: it reports what it sees, and answers with its name. */
@Injectable()
export class VisitorGateway
  implements OnGatewayConnection<HubClient>, OnGatewayDisconnect<HubClient>
{
  @WebSocketServer()
  server!: HubServer;
  private readonly requests = new WeakMap<HubClient, IncomingMessage>();

  handleConnection(client: HubClient, request: IncomingMessage): void {
    const { connectionId, migration = null } = client;
    this.requests.set(client, request);
    report('connect', { path: this.server.path, connectionId, migration, url: request.url });
    if (migration && process.env.E2E_REFUSE_ARRIVALS) throw new Error('no room for arrivals');
    if (!migration && request.url?.endsWith('?throw')) throw new Error('handleConnection failed');
  }

  handleDisconnect(client: HubClient): void {
    const { connectionId, migration = null } = client;
    report('disconnect', { path: this.server.path, connectionId, migration });
    if (process.env.E2E_FAIL_ON_DISCONNECT) throw new Error('handleDisconnect failed');
  }

  @SubscribeMessage('echo')
  echo(@ConnectedSocket() { connectionId }: HubClient, @MessageBody() n: unknown) {
    report('message', { connectionId, n });
    return { event: 'echo', data: { server: serverName, n } };
  }

  @SubscribeMessage('size')
  size(@MessageBody() text: string) {
    report('message', { size: text.length });
    return { event: 'size', data: { server: serverName, size: text.length } };
  }

  /** Answers when the test opens the gate `slow`. */
  @SubscribeMessage('slow')
  async slow(@MessageBody() n: unknown) {
    await gate('slow');
    return { event: 'slow', data: { server: serverName, n } };
  }

  @SubscribeMessage('flood')
  flood(@ConnectedSocket() client: HubClient, @MessageBody() size: number): void {
    for (let n = 1; n <= 100; n++) {
      const data = { server: serverName, n, pad: 'x'.repeat(size) };
      client.send(JSON.stringify({ event: 'flood', data }));
    }
    report('flooded', { bufferedAmount: client.bufferedAmount });
  }

  @SubscribeMessage('who')
  who(@ConnectedSocket() client: HubClient) {
    const { url, headers, rawHeaders, method, socket } = this.requests.get(client)!;
    const request = { url, headers, rawHeaders, method, ip: socket.remoteAddress };
    const { connectionId, protocol } = client;
    return { event: 'who', data: { server: serverName, connectionId, protocol, request } };
  }

  /** Sends to all clients that are here. Returns to how many. */
  broadcast(data: unknown): number {
    for (const client of this.server.clients) {
      client.send(JSON.stringify({ event: 'broadcast', data: { server: serverName, data } }));
    }
    return this.server.clients.size;
  }

  /** Has the test broadcast by command. */
  protected obeyBroadcast(): void {
    onCommand('broadcast', (data) => this.broadcast(data));
  }
}
