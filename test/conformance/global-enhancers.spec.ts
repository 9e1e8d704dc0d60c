import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  ValidationPipe,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { IsInt } from 'class-validator';
import { map, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { connect } from './support/client.js';
import { start } from './support/harness.js';
import { subjects } from './support/subjects.js';

/** Nest 12 applies global guards, pipes and interceptors to gateways, but never global filters. */
describe.each(subjects)('global enhancers on $name', (subject) => {
  it('asks a global guard, with its dependencies', async () => {
    @Injectable()
    class Allowed {
      has(pattern: string): boolean {
        return pattern === 'open';
      }
    }
    @Injectable()
    class GlobalGuard implements CanActivate {
      constructor(@Inject(Allowed) private readonly allowed: Allowed) {}

      canActivate(context: ExecutionContext): boolean {
        return this.allowed.has(context.switchToWs().getPattern());
      }
    }
    @WebSocketGateway({ path: '/guard' })
    class GuardedGateway {
      @SubscribeMessage('open')
      open(): string {
        return 'open';
      }

      @SubscribeMessage('shut')
      shut(): string {
        return 'shut';
      }
    }
    const guard = { provide: APP_GUARD, useClass: GlobalGuard };
    const app = await start(subject, [GuardedGateway, Allowed, guard]);
    const client = await connect(app.url('/guard'));
    expect(await client.ask('open')).toBe('open');
    expect(await client.ask('shut')).toMatchObject({
      event: 'exception',
      data: { message: 'Forbidden resource' },
    });
  });

  it('applies a global pipe', async () => {
    class CountDto {
      @IsInt()
      count!: number;
    }
    @WebSocketGateway({ path: '/pipe' })
    class PipedGateway {
      @SubscribeMessage('count')
      count(@MessageBody() dto: CountDto): unknown {
        return { dto, isDto: dto instanceof CountDto };
      }
    }
    const exceptionFactory = (): WsException => new WsException('invalid');
    const useValue = new ValidationPipe({ transform: true, exceptionFactory });
    const app = await start(subject, [PipedGateway, { provide: APP_PIPE, useValue }]);
    const client = await connect(app.url('/pipe'));
    expect(await client.ask('count', { count: 2 })).toEqual({ dto: { count: 2 }, isDto: true });
    expect(await client.ask('count', { count: 'two' })).toMatchObject({
      event: 'exception',
      data: { message: 'invalid' },
    });
  });

  it('wraps results in a global interceptor', async () => {
    const useValue: NestInterceptor = {
      intercept: (_context: ExecutionContext, next: CallHandler): Observable<unknown> =>
        next.handle().pipe(map((data) => ({ wrapped: data }))),
    };
    @WebSocketGateway({ path: '/wrap' })
    class WrappedGateway {
      @SubscribeMessage('value')
      value(): number {
        return 1;
      }
    }
    const app = await start(subject, [WrappedGateway, { provide: APP_INTERCEPTOR, useValue }]);
    expect(await (await connect(app.url('/wrap'))).ask('value')).toEqual({ wrapped: 1 });
  });

  it('does not call a global filter', async () => {
    const caught: unknown[] = [];
    @Catch()
    class GlobalFilter {
      catch(error: unknown, _host: ArgumentsHost): void {
        caught.push(error);
      }
    }
    @WebSocketGateway({ path: '/filter' })
    class FilteredGateway {
      @SubscribeMessage('fail')
      fail(): never {
        throw new WsException('failed');
      }
    }
    const filter = { provide: APP_FILTER, useClass: GlobalFilter };
    const app = await start(subject, [FilteredGateway, filter]);
    expect(await (await connect(app.url('/filter'))).ask('fail', 1)).toEqual({
      event: 'exception',
      data: { status: 'error', message: 'failed', cause: { pattern: 'fail', data: 1 } },
    });
    expect(caught).toEqual([]);
  });
});
