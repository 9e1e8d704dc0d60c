import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { findProgram } from './find-program.js';

describe('findProgram', () => {
  it('finds what is in the PATH', () => {
    const folder = mkdtempSync(join(tmpdir(), 'find-program-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
      vi.unstubAllEnvs();
    });
    writeFileSync(join(folder, 'nginx'), '');
    vi.stubEnv('PATH', `/nowhere::${folder}`);
    expect(findProgram('nginx')).toBe(join(folder, 'nginx'));
  });
});
