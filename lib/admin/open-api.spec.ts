import 'reflect-metadata';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminApp, PLATFORMS } from '../../test/support/admin-fixture.js';
import type { Platform } from '../../test/support/admin-fixture.js';
import { until } from '../../test/support/until.js';
import { MigrationAdminModule } from './migration-admin.module.js';
import type { Schema } from './open-api.schemas.js';

const PATHS: Record<string, string[]> = {
  '/ingresses': ['get'],
  '/ingresses/{id}': ['get'],
  '/ingresses/{id}/reload': ['delete', 'get', 'post'],
  '/servers': ['get'],
  '/servers/{id}': ['get'],
  '/service-connections': ['get'],
  '/connections': ['get'],
  '/connections/{id}': ['get'],
  '/connections/{id}/migration': ['delete', 'get', 'post'],
  '/migrations/events': ['get'],
};

/** What of a value is not as its schema says. A property that the schema does not know is wrong too. */
function violations(value: unknown, schema: Schema, at = ''): string[] {
  const { type, properties = {}, required = [], additionalProperties, items } = schema;
  if (type === 'array') {
    return Array.isArray(value)
      ? value.flatMap((item, index) => violations(item, items!, `${at}[${index}]`))
      : [`${at} is no array`];
  }
  if (type !== 'object') {
    const isRight = type === 'integer' ? Number.isInteger(value) : typeof value === type;
    const isOne = !schema.enum || schema.enum.includes(value as string);
    return isRight && isOne ? [] : [`${at} is ${String(value)}`];
  }
  const missing = required.filter((name) => !Object.hasOwn(value as object, name));
  return [
    ...missing.map((name) => `${at}.${name} is missing`),
    ...Object.entries(value as object).flatMap(([name, part]) => {
      const known = properties[name] ?? additionalProperties;
      return known ? violations(part, known, `${at}.${name}`) : [`${at}.${name} is not described`];
    }),
  ];
}

describe.each(Object.keys(PLATFORMS) as Platform[])('the OpenAPI document on %s', (platform) => {
  let api: AdminApp;
  let document: OpenAPIObject;

  beforeAll(async () => {
    api = await AdminApp.start({ platform });
    const config = new DocumentBuilder()
      .addBearerAuth({ type: 'http', scheme: 'bearer' }, 'migration-admin')
      .build();
    document = SwaggerModule.createDocument(api.app, config, { include: [MigrationAdminModule] });
  });
  afterAll(() => api.stop());

  const operation = (path: string, method = 'get') =>
    (document.paths[`/migration/admin${path}`] as Record<string, never>)[method] as {
      parameters: { name: string; in: string; required: boolean; schema: Schema }[];
      requestBody: { required: boolean; content: Record<string, { schema: Schema }> };
      responses: Record<string, { content: Record<string, { schema: Schema }>; headers?: object }>;
      security: object[];
    };

  it('has every route, and no other', () => {
    const found = Object.entries(document.paths).map(([path, item]) => [
      path.replace('/migration/admin', ''),
      Object.keys(item).sort(),
    ]);
    expect(Object.fromEntries(found)).toEqual(PATHS);
  });

  it('has the bearer scheme, problems and the type of the answers on every route', () => {
    for (const [path, methods] of Object.entries(PATHS)) {
      for (const method of methods) {
        const { security, responses } = operation(path, method);
        expect(security).toEqual([{ 'migration-admin': [] }]);
        for (const [status, { content }] of Object.entries(responses)) {
          const type = path.endsWith('/events') ? 'text/event-stream' : 'application/json';
          expect(Object.keys(content)).toEqual([
            Number(status) < 400 ? type : 'application/problem+json',
          ]);
        }
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(['401', '404']));
      }
    }
    expect(document.components?.securitySchemes).toHaveProperty('migration-admin');
  });

  it('has the parameters, the body and the answers of a reload', () => {
    const { parameters, requestBody, responses } = operation('/ingresses/{id}/reload', 'post');
    expect(parameters).toMatchObject([
      { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
      { name: 'wait', in: 'query', required: false, schema: { type: 'boolean' } },
    ]);
    expect(requestBody.required).toBe(false);
    expect(requestBody.content['application/json']?.schema.properties).toMatchObject({
      deadlineMs: { type: 'integer', minimum: 1, maximum: 86_400_000 },
    });
    const statuses = ['200', '202', '400', '401', '404', '409', '413', '415', '503'];
    expect(Object.keys(responses)).toEqual(statuses);
    expect(responses['202']?.headers).toHaveProperty('Location');
  });

  it('has the parameters of the list of connections', () => {
    const names = operation('/connections').parameters.map(({ name, required }) => [
      name,
      required,
    ]);
    expect(names.sort()).toEqual(
      ['after', 'ingress', 'limit', 'server', 'state'].map((name) => [name, false]),
    );
  });

  it('has the body and the answers of a request to move', () => {
    const { requestBody, responses } = operation('/connections/{id}/migration', 'post');
    const { properties } = requestBody.content['application/json']!.schema;
    expect(Object.keys(properties!)).toEqual(['to', 'deadlineMs', 'reason']);
    expect(properties!['to']!.required).toBeUndefined();
    const statuses = ['202', '400', '401', '404', '409', '413', '415', '503'];
    expect(Object.keys(responses)).toEqual(statuses);
  });

  it('describes what is answered', async () => {
    const hub = api.hub('hub-1', 'a');
    await until(() => expect(hub.established).toBe(true));
    const client = api.client('edge');
    await until(() => expect(client.movable).toBe(true));
    const other = api.hub('hub-1', 'b');
    await until(() => expect(other.established).toBe(true));
    const reload = await api.request('POST', '/ingresses/a/reload');
    expect(reload.status).toBe(202);
    const answers: [path: string, id: string][] = [
      ['/ingresses', ''],
      ['/ingresses/{id}', 'a'],
      ['/ingresses/{id}/reload', 'a'],
      ['/servers', ''],
      ['/servers/{id}', 'hub-1'],
      ['/service-connections', ''],
      ['/connections', ''],
      ['/connections/{id}', client.connectionId],
      ['/connections/{id}/migration', client.connectionId],
    ];
    for (const [path, id] of answers) {
      const { status, body } = await api.get(path.replace('{id}', id));
      const schema = operation(path).responses[status]!.content['application/json']!.schema;
      expect(violations(body, schema, path)).toEqual([]);
    }
    const { body } = await api.get('/connections?limit=0&x=1');
    const problem =
      operation('/connections').responses['400']!.content['application/problem+json']!;
    expect(violations(body, problem.schema)).toEqual([]);
  });
});
