import { Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Observable, map } from 'rxjs';
import type { HubClient } from './hub-client.js';
import { MessageIdentity } from './message-id.decorator.js';
import { MigrationContext } from './migration-context.js';
import type { CurrentMessage } from './migration-context.js';

/**
 * Makes `MigrationContext.current()` work in message handlers and in all that they call: for all
 * gateways with `APP_INTERCEPTOR`, or for some with `@UseInterceptors(MigrationInterceptor)`. In which
 * order it is with other interceptors makes no difference to the handler; those before it do not have
 * the context.
 * @publicApi
 */
@Injectable()
export class MigrationInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'ws') return next.handle();
    const message = new HandledMessage(context);
    // Not around handle() alone: what it returns runs when it is subscribed to.
    return new Observable<unknown>((subscriber) =>
      MigrationContext.run(message, () => next.handle().subscribe(subscriber)),
    ).pipe(map((result) => (isAsyncIterable(result) ? within(message, result) : result)));
  }
}

class HandledMessage implements CurrentMessage {
  readonly client: HubClient;
  readonly messageId: string | undefined;

  constructor(context: ExecutionContext) {
    this.client = context.switchToWs().getClient<HubClient>();
    this.messageId = context
      .getArgs<unknown[]>()
      .find((it): it is MessageIdentity => it instanceof MessageIdentity)?.id;
  }

  get migration() {
    return this.client.migration;
  }
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** The body of a generator runs wherever its next item is asked for. */
function within(message: CurrentMessage, items: AsyncIterable<unknown>): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = MigrationContext.run(message, () => items[Symbol.asyncIterator]());
      const { return: end } = iterator;
      return {
        next: () => MigrationContext.run(message, () => iterator.next()),
        ...(end && {
          return: (value?: unknown) =>
            MigrationContext.run(message, () => end.call(iterator, value)),
        }),
      };
    },
  };
}
