import 'reflect-metadata';
import { Controller, Module, Post } from '@nestjs/common';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { AdminApp, PLATFORMS, TOKEN } from '../../test/support/admin-fixture.js';
import type { AdminAppSettings, Platform } from '../../test/support/admin-fixture.js';
import { MigrationAdminModule } from './migration-admin.module.js';

const RELOAD = '/migration/admin/ingresses/named/reload';
const JSON_TYPE = 'application/json';
const FORM = 'application/x-www-form-urlencoded';
const invalid = (got: string) => ({
  type: 'urn:nestjs-ws-migration:problem:invalid-request',
  status: 400,
  detail: `body must be a JSON object (got ${got})`,
  errors: [{ field: 'body', detail: `must be a JSON object (got ${got})` }],
});
const UNREADABLE = invalid('text that cannot be read as one');
const NOT_JSON = {
  type: 'urn:nestjs-ws-migration:problem:unsupported-media-type',
  status: 415,
  detail: expect.stringContaining('"Content-Type: application/json"'),
};

let api: AdminApp;
afterEach(() => api.stop());

/** Sends exactly these bytes and headers: fetch would add a type. */
async function send(type: string | undefined, body: string, method = 'POST', path = RELOAD) {
  const sent = httpRequest(api.url + path, {
    method,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-length': Buffer.byteLength(body),
      ...(type !== undefined && { 'content-type': type }),
    },
  });
  sent.end(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.on('response', resolve).on('error', reject);
  });
  return {
    status: response.statusCode,
    type: response.headers['content-type'],
    body: JSON.parse(await text(response)) as Record<string, unknown>,
  };
}

async function expectProblem(
  answer: ReturnType<typeof send>,
  problem: { status: number; detail?: unknown },
) {
  const { status, type, body } = await answer;
  expect({ status, body }).toEqual({
    status: problem.status,
    body: expect.objectContaining(problem),
  });
  expect(type).toMatch(/^application\/problem\+json/);
}

@Controller('other')
class OtherController {
  @Post()
  post() {
    return {};
  }
}

@Module({ controllers: [OtherController] })
class OtherModule {}

describe.each(Object.keys(PLATFORMS) as Platform[])('bodies on %s', (platform) => {
  const start = async (settings: AdminAppSettings = {}) => {
    const options = { relay: { ingresses: ['named=192.0.2.1'] }, ...settings.options };
    api = await AdminApp.start({ platform, ...settings, options });
  };

  it.each([
    ['malformed JSON', JSON_TYPE, '{"deadlineMs": }', UNREADABLE],
    ['half of JSON', `${JSON_TYPE}; charset=utf-8`, '{"deadlineMs": 5', UNREADABLE],
    ['blanks', JSON_TYPE, ' ', UNREADABLE],
    ['a list', JSON_TYPE, '[5]', invalid('a list of 1')],
    ['nothing, declared as JSON', JSON_TYPE, '', invalid('nothing')],
    ['a form', FORM, 'deadlineMs=5', NOT_JSON],
    ['JSON as curl -d declares it', FORM, '{"deadlineMs": 5}', NOT_JSON],
    ['JSON that is not declared', undefined, '{"deadlineMs": 5}', NOT_JSON],
    ['text', 'text/plain', '{"deadlineMs": 5}', NOT_JSON],
    ['another type', 'application/xml', '<deadlineMs/>', NOT_JSON],
    ['no type', 'nonsense', '5', NOT_JSON],
  ])('that are %s are a problem', async (_, type, body, problem) => {
    await start();
    await expectProblem(send(type, body), problem);
  });

  it('that are JSON but no object are a problem', async () => {
    await start();
    for (const body of ['null', '5', '"text"']) {
      // Express refuses them while it reads, Fastify does not.
      const detail = expect.stringMatching(/^body must be a JSON object \(got /);
      await expectProblem(send(JSON_TYPE, body), { status: 400, detail });
    }
  });

  it('that are too large are a problem', async () => {
    await start();
    const body = JSON.stringify({ deadlineMs: 'x'.repeat(2_000_000) });
    await expectProblem(send(JSON_TYPE, body), { status: 413 });
  });

  it.each([undefined, FORM, 'text/plain'])('that are empty are none: %s', async (type) => {
    await start();
    expect(await send(type, '')).toMatchObject({ status: 200, body: { state: 'ready' } });
  });

  it('that are empty do no harm where none is taken', async () => {
    await start();
    await send(undefined, '');
    const answer = await send(JSON_TYPE, '', 'DELETE');
    expect(answer).toMatchObject({ status: 200, body: { state: 'ready' } });
  });

  it('under a global prefix, with or without it, are read alike', async () => {
    await start({ prepare: (app) => app.setGlobalPrefix('api') });
    await expectProblem(send(JSON_TYPE, '{', 'POST', `/api${RELOAD}?wait=true`), UNREADABLE);
    await api.stop();
    const exclude = ['migration/admin/*path'];
    await start({ prepare: (app) => app.setGlobalPrefix('api', { exclude }) });
    await expectProblem(send(JSON_TYPE, '{'), UNREADABLE);
  });

  it('of the application’s own routes are answered as ever', async () => {
    await start({ imports: [MigrationAdminModule, OtherModule] });
    const answer = await send(JSON_TYPE, '{', 'POST', '/other');
    expect(answer).toMatchObject({ status: 400, body: { statusCode: 400 } });
    expect(answer.type).toMatch(/^application\/json/);
  });

  it('are left to the platform when the API is not enabled', async () => {
    await start({ options: { admin: { enabled: false } } });
    expect((await send(JSON_TYPE, '{')).type).toMatch(/^application\/json/);
  });
});

describe('Fastify', () => {
  it('keeps the hooks that others gave to the routes', async () => {
    const seen: string[] = [];
    api = await AdminApp.start({
      platform: 'fastify',
      options: { relay: { ingresses: ['named=192.0.2.1'] } },
      prepare: (app) => {
        const hook = (request: { method: string }, _reply: unknown, done: () => void) => {
          seen.push(request.method);
          done();
        };
        app
          .getHttpAdapter()
          .getInstance()
          .addHook('onRoute', (route: { onRequest?: unknown }) => (route.onRequest = [hook]));
      },
    });
    await send(undefined, '');
    await send(JSON_TYPE, '', 'DELETE');
    expect(seen).toEqual(['POST', 'DELETE']);
  });
});
