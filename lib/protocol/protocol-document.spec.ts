import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ServiceCloseCode } from './errors.js';
import type { FieldCheck } from './fields.js';
import {
  FrameWriter,
  HEADER_BYTES,
  MAX_ACK_RANGES,
  MAX_CONTROL_BYTES,
  readFrames,
} from './frames.js';
import { MessageType, PROTOCOL_VERSION } from './messages.js';
import { MESSAGE_SCHEMAS } from './schema.js';
import { takeBatch } from '../../test/support/take-batch.js';

const DOCUMENT = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');

/** The rows of the first table under a heading, without its head. */
function tableUnder(heading: string): string[][] {
  const section = DOCUMENT.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const table = /^\|.*\n\|[ |-]+\n((?:\|.*\n)*)/m.exec(section)?.[1] ?? '';
  return table
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')));
}

const hex = (number: number) => `0x${number.toString(16).padStart(2, '0')}`;

describe('docs/protocol.md', () => {
  it('lists every message with its number, in order, and nothing else', () => {
    expect(tableUnder('Messages').map(([type, name]) => [type, name])).toEqual(
      Object.entries(MessageType).map(([name, type]) => [hex(type), name]),
    );
  });

  it.each(Object.entries(MessageType))('describes every field of %s', (name, type) => {
    const schema = MESSAGE_SCHEMAS.get(type);
    const fields = schema ? describeFields(schema) : [];
    const rows = tableUnder(name);
    expect(rows.map(([field, required, accepted]) => [field, required, accepted])).toEqual(fields);
    expect(rows.every(([, , , meaning]) => meaning !== '')).toBe(true);
  });

  it('lists every close code, in order, and nothing else', () => {
    expect(tableUnder('Close codes').map(([code, name]) => [Number(code), name])).toEqual(
      Object.entries(ServiceCloseCode).map(([name, code]) => [code, name]),
    );
  });

  it('tells the version and the limits of frames', () => {
    expect(DOCUMENT).toContain(`Version ${PROTOCOL_VERSION}.`);
    expect(DOCUMENT).toContain(`a header of ${HEADER_BYTES} bytes`);
    expect(DOCUMENT).toContain(`n from 0 to ${MAX_ACK_RANGES}`);
    expect(DOCUMENT).toContain(`at most ${MAX_CONTROL_BYTES} bytes`);
  });

  it('has examples that decode to what is said of them and encode to the same bytes', () => {
    const frames: unknown[][] = [];
    for (const batch of exampleBatches()) {
      const writer = new FrameWriter();
      readFrames(
        batch,
        {
          onData: (link, data, binary) => {
            frames.push([link, binary ? data : String(data)]);
            writer.data(link, data, binary);
          },
          onAck: (link, count, ranges) => {
            frames.push([link, count, ranges]);
            writer.ack(link, count, ranges);
          },
          onControl: (message) => {
            frames.push([message]);
            const { type, link, ...body } = message as typeof message & { link: number };
            writer.control({ ...body, type, link } as typeof message);
          },
        },
        100,
      );
      expect(takeBatch(writer).toString('hex')).toBe(batch.toString('hex'));
    }
    expect(frames).toEqual([
      [
        {
          type: MessageType.HandshakeRequest,
          link: 0,
          version: 1,
          serverId: 's1',
          serverName: 'a',
          appVersion: '0',
          endpoints: [{ port: 0, path: '/chat' }],
          keepAliveMs: 5000,
          deadAfterMs: 30_000,
        },
      ],
      [7, 'hi'],
      [7, Buffer.from([0x00, 0xff])],
      [
        {
          type: MessageType.MigrateConnectionResponse,
          link: 7,
          attempt: 1,
          ready: true,
          handled: 12,
          received: 12,
          sent: 2,
        },
      ],
      [7, 12, []],
      [7, 5, [7, 9]],
    ]);
  });
});

function exampleBatches(): Buffer[] {
  return [...DOCUMENT.matchAll(/^```hex\n(.*?)^```/gms)].map(([, block = '']) =>
    Buffer.from(block.replace(/#.*$/gm, '').replace(/\s/g, ''), 'hex'),
  );
}

type FieldRow = [path: string, required: 'yes' | 'no', accepted: string];

/** Every field of a message and what it accepts, found by asking the message's check. */
const describeFields = (schema: FieldCheck): FieldRow[] => explore(schema, '').rows;

const SAMPLES = [
  'request',
  'ok',
  'none',
  'waiting',
  '',
  'committed',
  'migrate',
  1000,
  true,
  new Uint8Array(),
];

/** What a check accepts: a sample, and the rows of the field at `path` and of all within it. */
function explore(check: FieldCheck, path: string): { sample: unknown; rows: FieldRow[] } {
  const accepted = (check(Symbol('wrong')) ?? '').replace(/^must be /, '');
  const required = check(undefined) === undefined ? 'no' : 'yes';
  const rows: FieldRow[] = path === '' ? [] : [[path, required, accepted]];
  if (accepted.startsWith('a list')) {
    const item = explore((value) => faultAt('item 0 ', check([value])), `${path}[]`);
    return { sample: [], rows: [...rows, ...item.rows] };
  }
  if (accepted !== 'a map') {
    return { sample: SAMPLES.find((sample) => check(sample) === undefined), rows };
  }
  const sample: Record<string, unknown> = {};
  for (const name of namesIn(check, sample)) {
    const field = explore(
      (value) => faultAt(`field "${name}" `, check({ ...sample, [name]: value })),
      path === '' ? name : `${path}.${name}`,
    );
    sample[name] = field.sample;
    rows.push(...field.rows);
  }
  return { sample, rows };
}

/** The names that a map's check reads. It stops at a fault: each name needs a sample to go on. */
function* namesIn(check: FieldCheck, sample: Record<string, unknown>): Generator<string> {
  const read = new Set<string>();
  const get = (target: typeof sample, name: string | symbol) => {
    read.add(String(name));
    return target[String(name)];
  };
  check(new Proxy(sample, { get }));
  for (const name of read) {
    yield name;
    check(new Proxy(sample, { get }));
  }
}

const faultAt = (place: string, fault: string | undefined) =>
  fault?.startsWith(place) ? fault.slice(place.length) : undefined;
