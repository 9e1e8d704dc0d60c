import 'reflect-metadata';
import { expect, it, vi } from 'vitest';
import { AdminApp } from '../../test/support/admin-fixture.js';

vi.mock('node:module', async (original) => ({
  ...(await original<typeof import('node:module')>()),
  createRequire: () => (name: string) => {
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
  },
}));

it('is served without @nestjs/swagger', async () => {
  const api = await AdminApp.start();
  expect((await api.get('/servers')).status).toBe(200);
  await api.stop();
});
