import { Injectable } from '@nestjs/common';
import type { Type } from '@nestjs/common';

/** A function that is awaited when the server shuts down. */
export type ShutdownHook = () => unknown;

/**
 * The shutdown hooks of the gateways, in the order of registration: `@OnShutdown()` methods first.
 * @publicApi
 */
@Injectable()
export class GracefulShutdown {
  private methods = 0;
  private readonly hooks: { name: string; run: ShutdownHook }[] = [];

  /**
   * Adds a hook to a gateway. It runs once, when this hub server is out of routing and before its
   * clients leave; it may send to them. All hooks together have half of `shutdown.timeoutMs`.
   */
  add(gateway: Type, hook: ShutdownHook): void {
    this.hooks.push({ name: gateway.name, run: hook });
  }

  /** Adds an `@OnShutdown()` method, before the hooks that were added by call. */
  addMethod(gateway: Type, hook: ShutdownHook): void {
    this.hooks.splice(this.methods++, 0, { name: gateway.name, run: hook });
  }

  /** The hooks in the order in which they are to run. */
  list(): readonly { readonly name: string; readonly run: ShutdownHook }[] {
    return this.hooks;
  }
}
