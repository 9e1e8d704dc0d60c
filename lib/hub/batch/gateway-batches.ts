import type { BatchEndReason } from '../../gateway/batch/batch-ended.js';
import type { MessageCompletion } from '../message-completion.js';
import type { BatchRun } from './batch-run.js';
import type { BatchSettings, ConnectionBatches } from './connection-batches.js';
import type { EndpointBatches } from './endpoint-batches.js';

/** A message after the message parser. */
export interface ParsedMessage {
  readonly event: unknown;
  readonly data: unknown;
}

/** Calls a gateway's handler for a message; `run` is given when it takes `@Batch()`. */
export type HandlerCall = (
  message: ParsedMessage,
  data: string | Buffer,
  completion: MessageCompletion | undefined,
  run: BatchRun | undefined,
) => unknown;

/** Takes what can be stopped, and attentions, out of the messages of one client for one gateway. */
export class GatewayBatches {
  /**
   * @param events that the gateway handles
   * @param answers whether attentions of this client are answered here: one gateway does that
   */
  constructor(
    private readonly endpoint: EndpointBatches & Pick<BatchSettings, 'parse'>,
    private readonly work: ConnectionBatches,
    private readonly events: { has(event: unknown): boolean },
    private readonly answers: boolean,
    private readonly call: HandlerCall,
  ) {}

  /** @returns whether the message is taken care of */
  take(
    message: ParsedMessage,
    data: string | Buffer,
    completion: MessageCompletion | undefined,
  ): boolean {
    const handler = this.endpoint.handlers.get(message.event);
    if (!handler || !this.events.has(message.event)) return this.attend(message);
    let parsed: ParsedMessage | undefined = message;
    this.work.begin({
      handler,
      completion,
      requestId: this.work.requestIdOf(message),
      call: (run) => {
        // Parsed anew when it is resumed: the handler before may have changed it.
        const again = parsed ?? this.endpoint.parse(data)!;
        parsed = undefined;
        return this.call(again, data, completion, handler.isBatch ? run : undefined);
      },
    });
    return true;
  }

  /** The client is not this server's any more. */
  end(reason: BatchEndReason): void {
    this.work.end(reason);
  }

  private attend(message: ParsedMessage): boolean {
    const { attends, attention } = this.endpoint;
    if (!this.answers || !attends || message.event !== attention.event) return false;
    this.work.attend(message);
    return true;
  }
}
