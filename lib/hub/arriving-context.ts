import { Buffer } from 'node:buffer';
import { decodeContext, encodeContext } from '../gateway/state/context-codec.js';
import type { ConnectionContext } from '../gateway/state/context-codec.js';
import type { OpenConnection } from '../protocol/messages.js';
import type { ArrivedWork } from './connection-work.js';
import type { EndpointMoves } from './endpoint-moves.js';
import { noStateClass, storedContextUnusable } from './move.messages.js';
import type { StartingContext } from './state-keeper.js';

/** What a connection brings from another hub server. */
export interface ArrivingContext {
  readonly start: StartingContext;
  readonly work: ArrivedWork | undefined;
}

interface Decoded {
  readonly bytes: Uint8Array;
  readonly context: ConnectionContext;
}

/**
 * Reads what a connection brings: from its message or from the storage, whichever is newer.
 * @throws Error, StateRefusedException, StaleEpochException why this server cannot take it
 */
export async function readContext(
  message: OpenConnection,
  moves: EndpointMoves,
): Promise<ArrivingContext> {
  const stored = await claim(message, moves);
  const brought = message.context && decode(message.context);
  const newest = newer(brought, stored);
  if (!newest) return { start: { state: moves.definition?.create() }, work: undefined };
  const { context } = newest;
  const { sequence = 0, ...written } = context;
  return {
    start: {
      state: await stateOf(context, moves),
      came: {
        bytes: newest.bytes,
        written: encodeContext(written),
        sequence,
        stored: stored !== undefined && Buffer.compare(stored.bytes, newest.bytes) === 0,
      },
    },
    work: workOf(context, message.inbound),
  };
}

/** Fences off the server that had the connection. */
async function claim(message: OpenConnection, moves: EndpointMoves): Promise<Decoded | undefined> {
  if (!moves.stored || !(moves.definition ?? message.context)) return undefined;
  const claimed = await moves.stored.claim(message);
  try {
    return claimed && decode(claimed.context);
  } catch (error) {
    moves.fault(storedContextUnusable(message.connectionId), error);
    return undefined;
  }
}

const decode = (bytes: Uint8Array): Decoded => ({ bytes, context: decodeContext(bytes) });

function newer(brought: Decoded | undefined, stored: Decoded | undefined): Decoded | undefined {
  if (!brought || !stored) return brought ?? stored;
  return (stored.context.sequence ?? 0) > (brought.context.sequence ?? 0) ? stored : brought;
}

async function stateOf({ state, version }: ConnectionContext, { definition }: EndpointMoves) {
  if (!state) return definition?.create();
  if (!definition) throw new Error(noStateClass());
  return definition.decode(state, version!);
}

/** Batches of messages that were acknowledged are done. */
function workOf({ batches = [], cancelled = [] }: ConnectionContext, handled: number) {
  const unfinished = batches.filter(({ number }) => number > handled);
  if (unfinished.length + cancelled.length === 0) return undefined;
  return { batches: unfinished, cancelled };
}
