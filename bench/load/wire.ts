import { maskedFrame, serverFrame } from './frames.js';

/** Path of the gateways. */
export const PATH = '/bench';
/** Bytes of a message from a server. */
export const MESSAGE_BYTES = 64;

/** How clients of a subject put messages into WebSocket frames. */
export type Framing = 'ws' | 'socket.io';
/** What clients ask for: an answer, or a message to all. */
export type Asked = 'echo' | 'fanOut';

/** What a load generator has to know of them. */
export interface Wire {
  readonly path: string;
  /** Sent to be greeted, where clients wait for that. */
  readonly hello: Buffer;
  readonly request: Buffer;
  readonly answer: Buffer;
}

const HEADS = { ws: '{"event":"echo","data":""}', 'socket.io': '42["echo",""]' };

export function wireOf(framing: Framing, asked: Asked): Wire {
  const data = 'x'.repeat(MESSAGE_BYTES - HEADS[framing].length);
  const isWs = framing === 'ws';
  const message = (event: string) =>
    isWs ? JSON.stringify({ event, data }) : `42${JSON.stringify([event, data])}`;
  return {
    path: isWs ? PATH : '/socket.io/?EIO=4&transport=websocket',
    hello: isWs ? Buffer.alloc(0) : maskedFrame('text', '40'),
    request: maskedFrame('text', message(asked)),
    answer: serverFrame(message('echo')),
  };
}
