import 'reflect-metadata';
import { ForbiddenException, Module, ValidationPipe, VersioningType } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { map } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { AdminApp, TOKEN } from '../../test/support/admin-fixture.js';
import type { AdminAppSettings } from '../../test/support/admin-fixture.js';
import { until } from '../../test/support/until.js';
import { MigrationModule } from '../migration.module.js';
import { MigrationService } from '../migration.service.js';
import { MigrationAdminController } from './migration-admin.controller.js';
import { MigrationAdminModule } from './migration-admin.module.js';

const apps: AdminApp[] = [];

afterEach(async () => {
  for (const app of apps.splice(0)) await app.stop();
});

async function start(settings?: AdminAppSettings) {
  const app = await AdminApp.start(settings);
  apps.push(app);
  return app;
}

function fetchFrom(app: AdminApp, path: string, init: RequestInit = {}) {
  return fetch(app.url + path, { headers: { authorization: `Bearer ${TOKEN}` }, ...init });
}

describe('MigrationAdminModule', () => {
  it('is served under the path of the options, which differs per application', async () => {
    const first = await start({ options: { admin: { path: '/ops/relay' } } });
    const second = await start();
    expect((await fetchFrom(first, '/ops/relay/servers')).status).toBe(200);
    expect((await fetchFrom(first, '/migration/admin/servers')).status).toBe(404);
    expect((await fetchFrom(second, '/migration/admin/servers')).status).toBe(200);
    expect((await fetchFrom(second, '/ops/relay/servers')).status).toBe(404);
  });

  it('takes its path and tokens from options that come late', async () => {
    @Module({
      imports: [
        MigrationAdminModule,
        MigrationModule.forRootAsync({
          useFactory: async () => ({ admin: { enabled: true, tokens: [TOKEN], path: '/late' } }),
        }),
      ],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await fetch(`${await app.getUrl()}/late/servers`, { headers });
    expect(await answer.json()).toEqual({ servers: [expect.objectContaining({ version: '0' })] });
    await app.close();
  });

  it('serves nothing unless it is enabled, not even a refusal', async () => {
    const app = await start({ options: { admin: { enabled: false } } });
    const answer = await app.request('GET', '/servers', { token: 'wrong' });
    expect(answer).toMatchObject({ status: 404, body: { type: 'about:blank', status: 404 } });
    expect(answer.headers.get('www-authenticate')).toBeNull();
  });

  it('serves nothing of a hub server', async () => {
    const hub = { relays: ['ws://127.0.0.1:1/migration/service'] };
    const options = { role: 'hub' as const, hub, admin: { enabled: false } };
    expect((await (await start({ options })).get('/servers')).status).toBe(404);
  });

  it('has to be imported when it is enabled', async () => {
    await expect(start({ imports: [] })).rejects.toThrow(/add MigrationAdminModule to the imports/);
  });

  it('never shows a token', async () => {
    const app = await start();
    const service = app.app.get(MigrationService, { strict: false });
    expect(JSON.stringify(service.stats())).not.toContain(TOKEN);
    const tokens = ['too-short-but-secret'];
    const wrong = start({ options: { admin: { tokens } } });
    await expect(wrong).rejects.toThrow(/admin\.tokens\[0\] must be a bearer token of at least 32/);
    await expect(wrong).rejects.not.toThrow(/too-short-but-secret/);
  });

  it('answers those who wait when the application closes', async () => {
    const app = await AdminApp.start({ options: { relay: { closeTimeoutMs: 100 } } });
    const hub = app.hub('hub-1', 'a');
    await until(() => expect(hub.established).toBe(true));
    const client = app.client();
    await until(() => expect(client.movable).toBe(true));
    app.hub('hub-1', 'b');
    await until(() => expect(app.core.serviceConnections.size).toBe(2));
    const answer = app.request('POST', '/ingresses/a/reload?wait=true');
    await until(() => expect(app.core.ingresses.get('a')?.reload).toBeDefined());
    await Promise.all([app.stop(), expect(answer).resolves.toMatchObject({ status: 200 })]);
  });
});

describe('the application around the admin API', () => {
  const using = (prepare: (app: INestApplication) => void, settings: AdminAppSettings = {}) =>
    start({ ...settings, prepare });

  it('may have a global prefix, which applies', async () => {
    const app = await using((it) => it.setGlobalPrefix('api'));
    const hub = app.hub('hub-1', 'a');
    await until(() => expect(hub.established).toBe(true));
    const client = app.client();
    await until(() => expect(client.movable).toBe(true));
    const other = app.hub('hub-1', 'b');
    await until(() => expect(other.established).toBe(true));
    const path = '/api/migration/admin/ingresses/a/reload';
    const answer = await fetchFrom(app, path, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(path);
  });

  it('may exclude it from the global prefix', async () => {
    const exclude = ['migration/admin/*path'];
    const app = await using((it) => it.setGlobalPrefix('api', { exclude }));
    expect((await app.get('/servers')).status).toBe(200);
  });

  it('may have versions in its paths, which do not apply', async () => {
    const app = await using((it) =>
      it.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    );
    expect((await app.get('/servers')).status).toBe(200);
  });

  it('may have a strict global ValidationPipe', async () => {
    const app = await using((it) =>
      it.useGlobalPipes(
        new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }),
      ),
    );
    expect((await app.get('/connections?limit=5&state=open')).body).toEqual({ connections: [] });
    const json = { deadlineMs: 5 };
    const answer = await app.request('POST', '/ingresses/a/reload?wait=true', { json });
    expect(answer.body.type).toMatch(/unknown-ingress$/);
  });

  it('may have interceptors and filters that change answers', async () => {
    const app = await using((it) => {
      it.useGlobalInterceptors({
        intercept: (_, next) => next.handle().pipe(map((data) => ({ data }))),
      });
      it.useGlobalFilters({ catch: (_, host) => host.switchToHttp().getResponse().end('other') });
    });
    expect((await app.get('/connections')).body).toEqual({ connections: [] });
    expect((await app.get('/connections/none')).body.status).toBe(404);
  });

  it('has its global guards asked first, and their refusals are problems too', async () => {
    const app = await using((it) =>
      it.useGlobalGuards({
        canActivate: (context) => {
          if (context.getClass() !== MigrationAdminController) return true;
          throw new ForbiddenException('not from here');
        },
      }),
    );
    const { status, type, body } = await app.get('/servers', 'wrong');
    expect(type).toMatch(/^application\/problem\+json/);
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status,
      detail: 'not from here',
    });
    expect(status).toBe(403);
  });
});
