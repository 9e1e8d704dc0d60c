import { Inject, type OnModuleInit } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { GracefulShutdown, OnShutdown } from 'nestjs-ws-migration';
import { gate, report } from './parent.js';
import { VisitorGateway } from './visitor.gateway.js';

const behaviour = (hook: string): string | undefined =>
  new Map(
    (process.env.E2E_HOOKS ?? '').split(',').map((it) => it.split('=') as [string, string]),
  ).get(hook);

/** A hook that broadcasts, and then does what `E2E_HOOKS` says: `first=throws,added=hangs`. */
async function run(gateway: VisitorGateway, hook: string): Promise<void> {
  report('hook', { hook, clients: gateway.broadcast(hook) });
  switch (behaviour(hook)) {
    case 'throws':
      throw new Error(`hook ${hook} failed`);
    case 'hangs':
      return new Promise(() => {});
    case 'waits':
      await gate('hook');
  }
  report('hook done', { hook });
}

@WebSocketGateway({ path: '/hooks' })
export class FirstHooksGateway extends VisitorGateway implements OnModuleInit {
  @Inject(GracefulShutdown)
  private readonly shutdown!: GracefulShutdown;

  onModuleInit(): void {
    this.shutdown.add(FirstHooksGateway, () => run(this, 'added'));
    this.shutdown.add(FirstHooksGateway, () => run(this, 'added later'));
  }

  @OnShutdown()
  first(): Promise<void> {
    return run(this, 'first');
  }

  @OnShutdown()
  second(): Promise<void> {
    return run(this, 'second');
  }
}

@WebSocketGateway({ path: '/hooks/other' })
export class SecondHooksGateway extends VisitorGateway {
  @OnShutdown()
  third(): Promise<void> {
    return run(this, 'third');
  }
}
