import type { FrameWriter } from '../../lib/protocol/frames.js';

/** What the writer has collected, with the room in front; it starts anew. */
export function takeBatch(writer: FrameWriter): Buffer {
  const batch = Buffer.from(writer.bytes.subarray(0, writer.end));
  writer.clear(true);
  return batch;
}
