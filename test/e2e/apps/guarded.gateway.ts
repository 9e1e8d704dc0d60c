import { HttpException, UnauthorizedException } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { ConnectionRefusedException, OnConnect } from 'nestjs-ws-migration';
import type { IncomingMessage } from 'node:http';
import { gate, report } from './parent.js';
import { VisitorGateway } from './visitor.gateway.js';

/** Decides about clients by the query of their URL. */
@WebSocketGateway({ path: '/guarded' })
export class GuardedGateway extends VisitorGateway {
  @OnConnect()
  async decide({ url, headers, socket }: IncomingMessage): Promise<boolean | void> {
    report('deciding', { url, cookie: headers.cookie, ip: socket.remoteAddress });
    switch (url?.split('?')[1]) {
      case 'false':
        return false;
      case 'refused':
        throw new ConnectionRefusedException(402, 'Pay first');
      case 'unauthorized':
        throw new UnauthorizedException('No session');
      case 'teapot':
        throw new HttpException('Short and stout', 418);
      case 'error':
        throw new Error('the secret of the database');
      case 'hangs':
        return new Promise<boolean>(() => {});
      case 'waits':
        await gate('decision');
        return true;
    }
  }
}
