import { WebSocketGateway } from '@nestjs/websockets';
import { Migratable } from 'nestjs-ws-migration';
import { VisitorGateway } from './visitor.gateway.js';

@WebSocketGateway({ path: '/moving' })
@Migratable({ shutdown: 'migrateClients' })
export class MovingGateway extends VisitorGateway {}

@WebSocketGateway({ path: '/waiting' })
@Migratable({ shutdown: 'waitForClientsClose' })
export class WaitingGateway extends VisitorGateway {}

@WebSocketGateway({ path: '/closing' })
@Migratable({ shutdown: 'off' })
export class ClosingGateway extends VisitorGateway {}
