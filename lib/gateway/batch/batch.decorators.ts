import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { SubscribeMessage } from '@nestjs/websockets';
import { ResumableContext } from './resumable-context.js';
import { ResumeEvent } from './resume-event.js';

const BATCH = 'nestjs-ws-migration:batch';

const contextOf = (context: ExecutionContext): ResumableContext | undefined =>
  context
    .getArgs<unknown[]>()
    .find((argument): argument is ResumableContext => argument instanceof ResumableContext);

const InjectBatch = createParamDecorator((_: unknown, context: ExecutionContext) =>
  contextOf(context),
);

/** Whether a method of a class takes `@Batch()`. */
export const takesBatch = (metatype: object, method: string): boolean =>
  Reflect.hasMetadata(BATCH, metatype, method);

/**
 * Parameter decorator of a message handler: makes its messages batches, and gives it the
 * {@link BatchContext}. A batch can be stopped at a checkpoint and resumed at another hub server
 * (`@OnMigrateResume()`), its client can cancel it (the option `hub.attention`), and it may return an
 * async iterable, whose values are then sent one by one. Undefined behind another WebSocket adapter.
 * @publicApi
 */
export const Batch = (): ParameterDecorator => (target, key, index) => {
  Reflect.defineMetadata(BATCH, true, target.constructor, key!);
  InjectBatch()(target, key, index);
};

/**
 * Parameter decorator of a resume handler: the cursor at which the handler before it stopped.
 * Undefined in other handlers.
 * @publicApi
 */
export const Checkpoint = createParamDecorator(
  (_: unknown, context: ExecutionContext) => contextOf(context)?.cursor,
);

/**
 * Method decorator of a gateway: goes on with a message of this event that was suspended, at another
 * hub server or at this one when the move was given up, or that a lost hub server left. The method
 * is a message handler like others, with guards, pipes, interceptors and filters, and gets the original
 * message. It must take `@Batch()`. Clients cannot call it.
 * @publicApi
 */
export const OnMigrateResume = (event: string): MethodDecorator =>
  SubscribeMessage(new ResumeEvent(event)) as MethodDecorator;
