import 'reflect-metadata';
import {
  Catch,
  createParamDecorator,
  Injectable,
  ParseIntPipe,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import type { ArgumentsHost, ExecutionContext, Provider } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, APP_PIPE, DiscoveryModule } from '@nestjs/core';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import type { NestContainer } from '@nestjs/core';
import { GuardsContextCreator } from '@nestjs/core/guards/guards-context-creator.js';
import { InterceptorsConsumer } from '@nestjs/core/interceptors/interceptors-consumer.js';
import { InterceptorsContextCreator } from '@nestjs/core/interceptors/interceptors-context-creator.js';
import { PipesConsumer } from '@nestjs/core/pipes/pipes-consumer.js';
import { PipesContextCreator } from '@nestjs/core/pipes/pipes-context-creator.js';
import { GuardsConsumer } from '@nestjs/core/guards/guards-consumer.js';
import { Test } from '@nestjs/testing';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { ExceptionFiltersContext } from '@nestjs/websockets/context/exception-filters-context.js';
import { WsContextCreator } from '@nestjs/websockets/context/ws-context-creator.js';
import { WsProxy } from '@nestjs/websockets/context/ws-proxy.js';
import { isObservable, lastValueFrom, of, throwError, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { MessageIdentity } from '../gateway/message-id.decorator.js';
import { DirectHandlers } from './direct-handlers.js';
import { GatewayExplorer } from './gateway-explorer.js';

@Injectable()
class Enhancer {
  canActivate() {
    return true;
  }
  intercept(_: ExecutionContext, next: { handle(): never }) {
    return next.handle();
  }
  transform(value: unknown) {
    return value;
  }
}

@Injectable()
class Place {
  readonly name = 'filtered here';
}

@Catch(RangeError)
class Told {
  constructor(private readonly place: Place) {}
  catch(error: Error, host: ArgumentsHost) {
    const ws = host.switchToWs();
    const client = ws.getClient<{ told: unknown[] }>();
    client.told.push([
      this.place.name,
      error.message,
      ws.getData(),
      ws.getPattern(),
      host.getType(),
    ]);
    if (error.message === 'again') throw error;
  }
}
Reflect.defineMetadata('design:paramtypes', [Place], Told);

const Given = createParamDecorator((data: string, context: ExecutionContext) => {
  if (data === 'fails') throw new RangeError('no parameter');
  const found = [
    data,
    context.getClass().name,
    context.getHandler().name,
    context.getArgs().length,
  ];
  if (data === 'laterFails') return Promise.reject(new RangeError('no later parameter'));
  return data === 'later' ? Promise.resolve(found) : found;
});

@UseFilters(Told)
@WebSocketGateway({ path: '/all' })
class Gateway {
  readonly own = 'own';

  @SubscribeMessage('bare')
  bare(client: object, data: unknown, ...rest: unknown[]) {
    return [Object.keys(client), data, rest, this.own];
  }

  @SubscribeMessage('decorated')
  decorated(
    @MessageBody() data: unknown,
    @Given('now') given: unknown,
    @ConnectedSocket() client: object,
    @MessageBody('part') part: unknown,
  ) {
    return [data, given, Object.keys(client), part];
  }

  @SubscribeMessage('asynchronous')
  async asynchronous(@Given('later') given: unknown, @MessageBody() data: unknown) {
    return [given, data, await Promise.resolve('waited')];
  }

  @SubscribeMessage('values')
  values(@MessageBody() data: unknown) {
    return of(1, data);
  }

  @SubscribeMessage('laterValues')
  async laterValues() {
    return of(1, 2);
  }

  @SubscribeMessage('parameterFails')
  parameterFails(@Given('fails') given: unknown) {
    return given;
  }

  @SubscribeMessage('laterParameterFails')
  laterParameterFails(@Given('laterFails') given: unknown) {
    return given;
  }

  // The last one is made first: it fails while nobody waits for it any more.
  @SubscribeMessage('bothParametersFail')
  bothParametersFail(@Given('fails') given: unknown, @Given('laterFails') later: unknown) {
    return [given, later];
  }

  @SubscribeMessage('throws')
  throws(@MessageBody() data: unknown): never {
    throw new RangeError(data as string);
  }

  @SubscribeMessage('rejects')
  async rejects(@MessageBody() data: unknown): Promise<never> {
    throw new RangeError(data as string);
  }

  @SubscribeMessage('streamFails')
  streamFails(@MessageBody() data: unknown) {
    return throwError(() => new RangeError(data as string));
  }

  @SubscribeMessage('laterStreamFails')
  async laterStreamFails(@MessageBody() data: unknown) {
    return throwError(() => new RangeError(data as string));
  }

  @SubscribeMessage('nothing')
  nothing() {}
}

@WebSocketGateway({ path: '/all' })
class Enhanced {
  @SubscribeMessage('plain')
  plain() {}

  @UseGuards(Enhancer)
  @SubscribeMessage('guarded')
  guarded() {}

  @UseInterceptors(Enhancer)
  @SubscribeMessage('intercepted')
  intercepted() {}

  @UsePipes(Enhancer)
  @SubscribeMessage('piped')
  piped(@MessageBody() data: unknown) {
    return data;
  }

  @SubscribeMessage('pipedParameter')
  pipedParameter(@MessageBody(ParseIntPipe) data: unknown) {
    return data;
  }
}

const ENHANCED = ['plain', 'guarded', 'intercepted', 'piped', 'pipedParameter'];
const ALL = { port: 0, path: '/all' };

async function create(...providers: Provider[]) {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    providers: [GatewayExplorer, DirectHandlers, Place, ...providers],
  }).compile();
  return { module, direct: module.get(DirectHandlers) };
}

const kinds = (handlers: readonly unknown[]) => handlers.map((it) => typeof it);

describe('DirectHandlers', () => {
  it('calls a method directly that no guard, interceptor or pipe stands before', async () => {
    const { direct } = await create(Enhanced);
    const [plain, ...others] = kinds(direct.of(ALL, ENHANCED));
    expect(plain).toBe('function');
    expect(others).toEqual(Array.from({ length: 4 }, () => 'undefined'));
  });

  it.each(['guard', 'interceptor', 'pipe'])(
    'leaves all to Nest behind a global %s',
    async (kind) => {
      const provide = { guard: APP_GUARD, interceptor: APP_INTERCEPTOR, pipe: APP_PIPE }[kind]!;
      const { direct } = await create(Enhanced, { provide, useClass: Enhancer });
      expect(kinds(direct.of(ALL, ENHANCED))).toEqual(ENHANCED.map(() => 'undefined'));
    },
  );

  it.each([
    ['guard', UseGuards(Enhancer)],
    ['interceptor', UseInterceptors(Enhancer)],
    ['pipe', UsePipes(Enhancer)],
  ])('leaves all to Nest behind a %s of the class', async (_, decorate) => {
    @decorate
    @WebSocketGateway({ path: '/all' })
    class Within {
      @SubscribeMessage('plain')
      plain() {}
    }
    const { direct } = await create(Within);
    expect(direct.of(ALL, ['plain'])).toEqual([undefined]);
  });

  it('leaves a gateway to Nest that is made per request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {}
    @WebSocketGateway({ path: '/all' })
    class Scoped {
      constructor(readonly own: PerRequest) {}
      @SubscribeMessage('plain')
      plain() {}
    }
    Reflect.defineMetadata('design:paramtypes', [PerRequest], Scoped);
    const { direct } = await create(PerRequest, Scoped);
    expect(direct.of(ALL, ['plain'])).toEqual([undefined]);
  });

  it('knows gateways by endpoint and messages, and none of two that have the same', async () => {
    @WebSocketGateway({ path: '/all' })
    class Same {
      @SubscribeMessage('nothing')
      nothing() {}
    }
    @WebSocketGateway({ path: '/all' })
    class Alike {
      @SubscribeMessage('nothing')
      nothing() {}
    }
    @WebSocketGateway({ path: '/other' })
    class Other {
      @SubscribeMessage('nothing')
      nothing() {
        return 'other';
      }
    }
    const { direct } = await create(Same, Alike, Other);
    expect(direct.of(ALL, ['nothing'])).toEqual([]);
    expect(direct.of(ALL, ['nothing', 'more'])).toEqual([]);
    expect(direct.of({ port: 1, path: '/other' }, ['nothing'])).toEqual([]);
    const [other] = direct.of({ port: 0, path: '/other' }, ['nothing']);
    expect(other!({}, 'data', 'nothing', undefined)).toBe('other');
  });
});

const DATA: Record<string, unknown> = { decorated: { part: 'of it' }, throws: 'once' };
const events = Object.getOwnPropertyNames(Gateway.prototype).filter((it) => it !== 'constructor');
const cases = [
  ...events.map((event) => [event, DATA[event] ?? 'data'] as const),
  ...events
    .filter((event) => /throws|ects|Fails/.test(event))
    .map((event) => [event, 'again'] as const),
];

it.each(cases)('%s of %j comes to what it comes to in Nest', async (event, data) => {
  const { module, direct } = await create(Gateway);
  const gateway = module.get(Gateway);
  const modules = module.get(ModulesContainer);
  const [moduleKey] = [...modules].find(([, it]) => it.providers.has(Gateway))!;
  const container = { getModules: () => modules } as NestContainer;
  const config = module.get(ApplicationConfig);
  const nest = new WsContextCreator(
    new WsProxy(),
    new ExceptionFiltersContext(container),
    new PipesContextCreator(container, config),
    new PipesConsumer(),
    new GuardsContextCreator(container, config),
    new GuardsConsumer(),
    new InterceptorsContextCreator(container, config),
    new InterceptorsConsumer(),
  );
  const method = gateway[event as keyof Gateway] as (...args: unknown[]) => void;
  const callback = nest.create(gateway, method, moduleKey, event);
  const handler = direct.of(ALL, events)[events.indexOf(event)]!;
  const identity = new MessageIdentity('connection', 1);
  const outcome = async (call: (client: object) => unknown) => {
    const client = { told: [] };
    try {
      const result = await call(client);
      const values = isObservable(result) ? await lastValueFrom(result.pipe(toArray())) : [result];
      return { client, values, isStream: isObservable(result) };
    } catch (error) {
      return { client, error: (error as Error).message };
    }
  };
  const expected = await outcome((client) => callback(client, data, event, identity));
  expect(await outcome((client) => handler(client, data, event, identity))).toEqual(expected);
});
