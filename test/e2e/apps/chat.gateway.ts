import type { OnModuleInit } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { VisitorGateway } from './visitor.gateway.js';

/** An ordinary gateway without any of the library's decorators. */
@WebSocketGateway({ path: '/chat' })
export class ChatGateway extends VisitorGateway implements OnModuleInit {
  onModuleInit(): void {
    this.obeyBroadcast();
  }
}
