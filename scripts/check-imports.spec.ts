import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('./check-imports.mjs', import.meta.url));
const sound = {
  'index.ts': "export { Relay } from './relay/relay.js';\nexport { Hub } from './hub/hub.js';\n",
  'migration.config.ts': "import { registerAs } from '@nestjs/config';\n",
  'protocol/codec.ts': "import { encode } from '@msgpack/msgpack';\nimport './frames.js';\n",
  'protocol/frames.ts': "import { Buffer } from 'node:buffer';\n",
  'protocol/codec.spec.ts': "import { it } from 'vitest';\n",
  'gateway/client.ts': "import type { Codec } from '../protocol/codec.js';\n",
  'relay/relay.ts': "import ws from 'ws';\nimport {\n  a,\n  b,\n} from '../protocol/codec.js';\n",
  'hub/hub.ts': "import { Client } from '../gateway/client.js';\n",
};

describe('check-imports', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'check-imports-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function check(files: Record<string, string>) {
    for (const [name, source] of Object.entries({ ...sound, ...files })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), source);
    }
    const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
    return { status, stderr };
  }

  it('accepts rooms that follow the rule', () => {
    expect(check({})).toEqual({ status: 0, stderr: '' });
  });

  it.each([
    ['relay/a.ts', "import { Hub } from '../hub/hub.js';", 'relay must not import hub'],
    [
      'hub/a.ts',
      "import type {\n  Relay,\n} from '../relay/relay.js';",
      'hub must not import relay',
    ],
    ['hub/a.ts', "type R = import('../relay/relay.js').Relay;", 'hub must not import relay'],
    ['hub/a.ts', "export * from '../relay/relay.js';", 'hub must not import relay'],
    ['gateway/a.ts', "await import('../relay/relay.js');", 'gateway must not import relay'],
    ['protocol/a.ts', "import '../gateway/client.js';", 'protocol must not import gateway'],
    ['protocol/a.ts', "import fs from 'node:fs';", 'not node:fs'],
    ['protocol/a.ts', "import { x } from 'rxjs';", 'not rxjs'],
    ['relay/a.ts', "import '../../test/support/ledger.js';", 'outside of lib'],
    ['relay/a.ts', "import { Relay } from 'nestjs-ws-migration';", 'its own name'],
    ['relay/a.ts', "import { Relay } from '../index.js';", 'imports index.ts'],
    ['relay/a.ts', "import { x } from '@nestjs/config';", 'only migration.config.ts'],
    ['gateway/a.ts', "import '../hub/hub.js';", 'cycle between rooms'],
  ])('refuses in %s: %s', (name, source, message) => {
    const { status, stderr } = check({ [name]: `${source}\n` });
    expect(stderr).toContain(message);
    expect(stderr).toContain(name);
    expect(status).toBe(1);
  });

  it('fails when the folder is absent', () => {
    rmSync(folder, { recursive: true });
    expect(spawnSync(process.execPath, [script, folder]).status).toBe(1);
  });
});
