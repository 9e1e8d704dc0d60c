import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';

/** Names a client's message. Handlers get it as one of their arguments. */
export class MessageIdentity {
  constructor(
    private readonly connectionId: string,
    /** Number of the message on its connection, from 1. */
    readonly number: number,
  ) {}

  get id(): string {
    return `${this.connectionId}:${this.number}`;
  }
}

/**
 * Parameter decorator of a message handler: the message's id, a string. It is the same when the
 * message is delivered again, at another hub server, after the loss of the one that had it: a handler
 * that must not do its work twice can remember it. Undefined behind another WebSocket adapter.
 * @publicApi
 */
export const MessageId = createParamDecorator(
  (_: unknown, context: ExecutionContext) =>
    context
      .getArgs<unknown[]>()
      .find((argument): argument is MessageIdentity => argument instanceof MessageIdentity)?.id,
);
