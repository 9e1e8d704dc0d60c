import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig, MetadataScanner, ModulesContainer } from '@nestjs/core';
import type { NestContainer } from '@nestjs/core';
import { GuardsConsumer } from '@nestjs/core/guards/guards-consumer.js';
import { GuardsContextCreator } from '@nestjs/core/guards/guards-context-creator.js';
import { InterceptorsConsumer } from '@nestjs/core/interceptors/interceptors-consumer.js';
import { InterceptorsContextCreator } from '@nestjs/core/interceptors/interceptors-context-creator.js';
import { PipesConsumer } from '@nestjs/core/pipes/pipes-consumer.js';
import { PipesContextCreator } from '@nestjs/core/pipes/pipes-context-creator.js';
import { MESSAGE_MAPPING_METADATA } from '@nestjs/websockets/constants.js';
import { ExceptionFiltersContext } from '@nestjs/websockets/context/exception-filters-context.js';
import { WsContextCreator } from '@nestjs/websockets/context/ws-context-creator.js';
import { WsProxy } from '@nestjs/websockets/context/ws-proxy.js';
import { catchError, EMPTY, isObservable } from 'rxjs';
import type { MessageIdentity } from '../gateway/message-id.decorator.js';
import { endpointName } from '../protocol/endpoint.js';
import type { EndpointKey } from '../protocol/messages.js';
import { GatewayExplorer } from './gateway-explorer.js';
import type { BoundGateway } from './gateway-explorer.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Calls a method that handles messages, with what Nest's own callbacks get. Never throws.
 * @returns the result, a promise of it, or an Observable; nothing where exception filters took a failure
 */
export type DirectHandler = (
  client: unknown,
  data: unknown,
  event: unknown,
  identity: MessageIdentity | undefined,
) => unknown;

interface GatewayHandlers {
  /** What the methods subscribe to, in the order in which Nest binds them. */
  readonly messages: readonly unknown[];
  /** Each method's; undefined for one that must be called through Nest. */
  readonly handlers: readonly (DirectHandler | undefined)[];
}

const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

/**
 * Calls the methods that no guard, interceptor or pipe stands before. Nest has about ten promises for
 * each call, in which these would wait; what is left of them for such a method are its parameters and
 * its exception filters, and both are Nest's own here. All such methods wait equally long there, so
 * that messages stay in order when none of them waits.
 */
@Injectable()
export class DirectHandlers {
  private readonly proxy = new WsProxy();
  private readonly filters: ExceptionFiltersContext;
  private readonly pipes: PipesContextCreator;
  private readonly guards: GuardsContextCreator;
  private readonly interceptors: InterceptorsContextCreator;
  private readonly creator: WsContextCreator;
  private readonly scanner = new MetadataScanner();
  private gateways: ReadonlyMap<string, readonly GatewayHandlers[]> | undefined;

  constructor(
    @Inject(GatewayExplorer) private readonly explorer: GatewayExplorer,
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(ApplicationConfig) config: ApplicationConfig,
  ) {
    const container = { getModules: () => modules } as NestContainer;
    this.filters = new ExceptionFiltersContext(container);
    this.pipes = new PipesContextCreator(container, config);
    this.guards = new GuardsContextCreator(container, config);
    this.interceptors = new InterceptorsContextCreator(container, config);
    this.creator = new WsContextCreator(
      this.proxy,
      this.filters,
      this.pipes,
      new PipesConsumer(),
      this.guards,
      new GuardsConsumer(),
      this.interceptors,
      new InterceptorsConsumer(),
    );
  }

  /**
   * The handlers of the gateway that has these messages at an endpoint. Can be asked once Nest has
   * bound the gateways.
   * @returns in the order of the messages; none if several gateways there have the same ones
   */
  of(endpoint: EndpointKey, messages: readonly unknown[]): readonly (DirectHandler | undefined)[] {
    this.gateways ??= this.explore();
    const found = (this.gateways.get(endpointName(endpoint)) ?? []).filter(
      (it) =>
        it.messages.length === messages.length &&
        it.messages.every((message, place) => message === messages[place]),
    );
    return found.length === 1 ? found[0]!.handlers : [];
  }

  private explore() {
    const gateways = new Map<string, GatewayHandlers[]>();
    for (const gateway of this.explorer.bound()) {
      const name = endpointName(gateway.endpoint);
      const others = gateways.get(name);
      if (others) others.push(this.handlersOf(gateway));
      else gateways.set(name, [this.handlersOf(gateway)]);
    }
    return gateways;
  }

  private handlersOf(gateway: BoundGateway): GatewayHandlers {
    const { prototype } = gateway;
    const names = this.scanner
      .getAllMethodNames(prototype)
      .filter((name) => Reflect.hasMetadata(MESSAGE_MAPPING_METADATA, prototype[name]!));
    return {
      messages: names.map((name) => this.creator.reflectCallbackPattern(prototype[name]!)),
      handlers: names.map((name) => this.handlerOf(gateway, name)),
    };
  }

  private handlerOf(
    { instance, prototype, moduleKey }: BoundGateway,
    name: string,
  ): DirectHandler | undefined {
    if (!instance) return undefined;
    const method = prototype[name] as Method;
    const enhancers = [this.guards, this.interceptors, this.pipes].flatMap((it): unknown[] =>
      it.create(instance, method, moduleKey),
    );
    const { getParamsMetadata } = this.creator.getMetadata(instance, name, 'ws');
    const parameters = getParamsMetadata(moduleKey);
    if (enhancers.length > 0 || parameters.some(({ pipes }) => pipes.length > 0)) return undefined;
    const { proxy } = this;
    const pattern = this.creator.reflectCallbackPattern(method);
    const filters = this.filters.create(instance, method, moduleKey);

    return (client, data, event, identity) => {
      const args = [client, data, event, identity, pattern];
      /** What a filter throws is the call's own failure, as it is in Nest. */
      const fail = (error: unknown) => proxy.handleError(filters, args, error);
      const watched = (result: unknown) =>
        isObservable(result)
          ? result.pipe(
              catchError((error: unknown) => {
                fail(error);
                return EMPTY;
              }),
            )
          : result;
      const values: unknown[] = [];
      try {
        let isReady = true;
        for (const { index, extractValue } of parameters) {
          const value: unknown = extractValue(...args);
          values[index] = value;
          if (!isPromiseLike(value)) continue;
          isReady = false;
          const promise = Promise.resolve(value);
          // Another parameter may fail before anybody waits for this one.
          promise.catch(() => {});
          values[index] = promise;
        }
        const result: unknown = isReady
          ? method.apply(instance, values)
          : Promise.all(values).then((ready) => method.apply(instance, ready));
        return isPromiseLike(result)
          ? Promise.resolve(result).then(watched).catch(fail)
          : watched(result);
      } catch (error) {
        try {
          return fail(error);
        } catch (rethrown) {
          return Promise.reject(rethrown as Error);
        }
      }
    };
  }
}
