import { Inject, Injectable } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { GATEWAY_METADATA, GATEWAY_OPTIONS, PORT_METADATA } from '@nestjs/websockets/constants.js';
import { MIGRATABLE, ON_CONNECT, ON_SHUTDOWN } from '../gateway/decorators.js';
import type { MigratableMark } from '../gateway/decorators.js';
import {
  ON_MIGRATE_IN,
  ON_MIGRATE_OUT,
  ON_MIGRATION_FAILED,
  ON_MIGRATION_READY,
} from '../gateway/migration-hooks.decorators.js';
import type { EndpointKey } from '../protocol/messages.js';
import { messageMethods } from './batch/message-methods.js';
import type { MessageMethod } from './batch/message-methods.js';
import type { ConnectHook } from './connect-checks.js';
import type { MigrationHooks } from './endpoint-moves.js';
import { endpointOf } from './endpoints.js';
import { hookNeedsStaticGateway } from './hub.messages.js';

/** A gateway of this application and what it asks of us. */
export interface ExploredGateway {
  metatype: Type;
  name: string;
  endpoint: EndpointKey;
  options: MigratableMark;
  onConnect: ConnectHook[];
  onShutdown: (() => unknown)[];
  hooks: MigrationHooks;
}

/** A gateway as Nest binds it. */
export interface BoundGateway {
  readonly endpoint: EndpointKey;
  /** Undefined for one that is made per request. */
  readonly instance: object | undefined;
  readonly prototype: Readonly<Record<string, (...args: unknown[]) => unknown>>;
  /** Names its module. */
  readonly moduleKey: string;
}

/** Finds the gateways of the application with their decorators. */
@Injectable()
export class GatewayExplorer {
  private readonly scanner = new MetadataScanner();

  constructor(@Inject(DiscoveryService) private readonly discovery: DiscoveryService) {}

  /** @throws Error when a gateway that is made per request has a hook */
  explore(): ExploredGateway[] {
    return this.gateways().map((wrapper) => this.gatewayOf(wrapper));
  }

  /** The gateways that are made once. */
  instances(): object[] {
    return this.gateways()
      .filter((wrapper) => wrapper.isDependencyTreeStatic())
      .map(({ instance }) => instance as object);
  }

  /** All gateways, once there are instances. */
  bound(): BoundGateway[] {
    return this.gateways().map((wrapper) => ({
      endpoint: endpointOfGateway(wrapper.metatype as Type),
      instance: wrapper.isDependencyTreeStatic() ? (wrapper.instance as object) : undefined,
      prototype: Object.getPrototypeOf(wrapper.instance) as BoundGateway['prototype'],
      moduleKey: wrapper.host!.token,
    }));
  }

  /** The methods of all gateways that handle messages; can be asked before there are instances. */
  messageMethods(): MessageMethod[] {
    return this.gateways().flatMap(({ metatype }) =>
      messageMethods(metatype as Type, endpointOfGateway(metatype as Type), this.scanner),
    );
  }

  private gateways(): InstanceWrapper[] {
    return this.discovery
      .getProviders()
      .filter(({ metatype }) => metatype && Reflect.hasMetadata(GATEWAY_METADATA, metatype));
  }

  private gatewayOf(wrapper: InstanceWrapper): ExploredGateway {
    const metatype = wrapper.metatype as Type;
    return {
      metatype,
      name: metatype.name,
      endpoint: endpointOfGateway(metatype),
      options: (Reflect.getMetadata(MIGRATABLE, metatype) ?? {}) as MigratableMark,
      onConnect: this.methodsWith(wrapper, ON_CONNECT) as ConnectHook[],
      onShutdown: this.methodsWith(wrapper, ON_SHUTDOWN) as (() => unknown)[],
      hooks: {
        ready: this.methodsWith(wrapper, ON_MIGRATION_READY),
        out: this.methodsWith(wrapper, ON_MIGRATE_OUT),
        failed: this.methodsWith(wrapper, ON_MIGRATION_FAILED),
        in: this.methodsWith(wrapper, ON_MIGRATE_IN),
      } as unknown as MigrationHooks,
    };
  }

  private methodsWith(wrapper: InstanceWrapper, key: string): ((...args: never[]) => unknown)[] {
    const metatype = wrapper.metatype as Type;
    const prototype = metatype.prototype as Record<string, (...args: never[]) => unknown>;
    const names = this.scanner
      .getAllMethodNames(prototype)
      .filter((name) => Reflect.hasMetadata(key, prototype[name]!));
    if (names.length > 0 && !wrapper.isDependencyTreeStatic()) {
      throw new Error(hookNeedsStaticGateway(metatype.name, names[0]!));
    }
    const instance = wrapper.instance as typeof prototype;
    return names.map((name) => instance[name]!.bind(instance));
  }
}

function endpointOfGateway(gateway: Type): EndpointKey {
  const options = (Reflect.getMetadata(GATEWAY_OPTIONS, gateway) ?? {}) as { path?: string };
  const port = (Reflect.getMetadata(PORT_METADATA, gateway) ?? 0) as number;
  return endpointOf(port, options.path);
}
