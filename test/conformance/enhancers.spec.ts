import {
  type ArgumentMetadata,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  ParseIntPipe,
  type PipeTransform,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import {
  BaseWsExceptionFilter,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { IsInt, IsString, Min } from 'class-validator';
import { map, type Observable, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { connect } from './support/client.js';
import { start } from './support/harness.js';
import { subjects } from './support/subjects.js';

const exception = (data: unknown) => ({ event: 'exception', data });

describe.each(subjects)('enhancers on $name', (subject) => {
  it('asks guards of the class and of the method with the whole context', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class TokenGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const ws = context.switchToWs();
        seen.push({
          type: context.getType(),
          gateway: context.getClass().name,
          handler: context.getHandler().name,
          pattern: ws.getPattern(),
          open: ws.getClient<WebSocket>().readyState === 1,
        });
        return ws.getData<{ token?: string }>()?.token === 'good';
      }
    }
    @Injectable()
    class SaysNo implements CanActivate {
      async canActivate(): Promise<boolean> {
        throw new WsException({ status: 'no', message: 'never' });
      }
    }
    @UseGuards(TokenGuard)
    @WebSocketGateway({ path: '/guarded' })
    class GuardedGateway {
      @SubscribeMessage('enter')
      enter(): string {
        return 'welcome';
      }

      @UseGuards(SaysNo)
      @SubscribeMessage('never')
      never(): string {
        return 'unreachable';
      }
    }
    const client = await connect((await start(subject, [GuardedGateway])).url('/guarded'));
    expect(await client.ask('enter', { token: 'good' })).toBe('welcome');
    expect(await client.ask('enter', { token: 'bad' })).toEqual(
      exception({
        status: 'error',
        message: 'Forbidden resource',
        cause: { pattern: 'enter', data: { token: 'bad' } },
      }),
    );
    expect(await client.ask('never', { token: 'good' })).toEqual(
      exception({ status: 'no', message: 'never' }),
    );
    expect(seen[0]).toEqual({
      type: 'ws',
      gateway: 'GuardedGateway',
      handler: 'enter',
      pattern: 'enter',
      open: true,
    });
  });

  it('validates and transforms a body with class-validator', async () => {
    class MoveDto {
      @IsString()
      piece!: string;

      @IsInt()
      @Min(0)
      to!: number;
    }
    const exceptionFactory = (errors: { property: string }[]): WsException =>
      new WsException(errors.map((error) => error.property).join(','));
    @WebSocketGateway({ path: '/moves' })
    class MovesGateway {
      @UsePipes(new ValidationPipe({ transform: true, whitelist: true, exceptionFactory }))
      @SubscribeMessage('move')
      move(@MessageBody() dto: MoveDto): unknown {
        return { dto, isDto: dto instanceof MoveDto };
      }

      @UsePipes(new ValidationPipe())
      @SubscribeMessage('http')
      http(@MessageBody() dto: MoveDto): unknown {
        return dto;
      }
    }
    const client = await connect((await start(subject, [MovesGateway])).url('/moves'));
    expect(await client.ask('move', { piece: 'rook', to: 3, cheat: true })).toEqual({
      dto: { piece: 'rook', to: 3 },
      isDto: true,
    });
    expect(await client.ask('move', { piece: 1, to: -1 })).toEqual(
      exception({
        status: 'error',
        message: 'piece,to',
        cause: { pattern: 'move', data: { piece: 1, to: -1 } },
      }),
    );
    // A pipe's default exception is an HttpException, whose text a gateway does not give away.
    expect(await client.ask('http', {})).toEqual(
      exception({
        status: 'error',
        message: 'Internal server error',
        cause: { pattern: 'http', data: {} },
      }),
    );
  });

  it('applies pipes to a single parameter', async () => {
    const types: unknown[] = [];
    @Injectable()
    class UpperCasePipe implements PipeTransform<string, string> {
      transform(value: string, metadata: ArgumentMetadata): string {
        types.push(metadata.type);
        return value.toUpperCase();
      }
    }
    @WebSocketGateway({ path: '/pipes' })
    class PipesGateway {
      @SubscribeMessage('birthday')
      birthday(
        @MessageBody('name', UpperCasePipe) name: string,
        @MessageBody('age', ParseIntPipe) age: number,
        @ConnectedSocket() client: WebSocket,
      ): unknown {
        return { name, next: age + 1, state: client.readyState };
      }
    }
    const client = await connect((await start(subject, [PipesGateway])).url('/pipes'));
    expect(await client.ask('birthday', { name: 'ada', age: '36' })).toEqual({
      name: 'ADA',
      next: 37,
      state: 1,
    });
    expect(await client.ask('birthday', { name: 'ada', age: 'old' })).toMatchObject(
      exception({ status: 'error', message: 'Internal server error' }),
    );
    expect(types[0]).toBe('body');
  });

  it('wraps handlers and their results in interceptors', async () => {
    const order: string[] = [];
    const wrapping = (name: string): NestInterceptor => ({
      intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
        order.push(name);
        return next.handle().pipe(map((value) => ({ [name]: value })));
      },
    });
    const instead: NestInterceptor = { intercept: () => of('cached', 'twice') };
    @UseInterceptors(wrapping('outer'))
    @WebSocketGateway({ path: '/wrapped' })
    class WrappedGateway {
      @UseInterceptors(wrapping('inner'))
      @SubscribeMessage('value')
      value(): number {
        order.push('handler');
        return 1;
      }

      @SubscribeMessage('stream')
      stream(): Observable<number> {
        return of(1, 2);
      }

      @UseInterceptors(instead)
      @SubscribeMessage('instead')
      never(): string {
        return 'unreachable';
      }
    }
    const client = await connect((await start(subject, [WrappedGateway])).url('/wrapped'));
    expect(await client.ask('value')).toEqual({ outer: { inner: 1 } });
    expect(order).toEqual(['outer', 'inner', 'handler']);
    client.emit('stream');
    expect(await client.take(2)).toEqual([{ outer: 1 }, { outer: 2 }]);
    client.emit('instead');
    expect(await client.take(2)).toEqual([{ outer: 'cached' }, { outer: 'twice' }]);
  });

  it('catches with custom filters, the default filter and a filter that rethrows', async () => {
    class TeapotError extends Error {}
    @Catch(TeapotError)
    class TeapotFilter {
      catch(error: TeapotError, host: ArgumentsHost): void {
        const ws = host.switchToWs();
        const frame = { teapot: error.message, data: ws.getData<unknown>(), on: ws.getPattern() };
        ws.getClient<WebSocket>().send(JSON.stringify(frame));
      }
    }
    @Catch()
    class QuietFilter extends BaseWsExceptionFilter {
      constructor() {
        super({ includeCause: false });
      }
    }
    @Catch()
    class RethrowingFilter {
      catch(error: unknown): never {
        throw error;
      }
    }
    @UseFilters(TeapotFilter)
    @WebSocketGateway({ path: '/filters' })
    class FiltersGateway {
      @SubscribeMessage('teapot')
      teapot(): never {
        throw new TeapotError('short and stout');
      }

      @SubscribeMessage('object')
      object(): never {
        throw new WsException({ code: 42 });
      }

      @UseFilters(new QuietFilter())
      @SubscribeMessage('quiet')
      quiet(): never {
        throw new WsException('hush');
      }

      @UseFilters(RethrowingFilter)
      @SubscribeMessage('rethrow')
      rethrow(): never {
        throw new Error('again');
      }
    }
    const client = await connect((await start(subject, [FiltersGateway])).url('/filters'));
    client.emit('rethrow');
    expect(await client.ask('teapot', 1)).toEqual({
      teapot: 'short and stout',
      data: 1,
      on: 'teapot',
    });
    expect(await client.ask('object')).toEqual(exception({ code: 42 }));
    expect(await client.ask('quiet')).toEqual(exception({ status: 'error', message: 'hush' }));
    expect(client.inbox).toEqual([]);
  });
});
