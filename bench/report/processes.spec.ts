import { describe, expect, it } from 'vitest';
import type { SubjectId } from '../subjects/subjects.js';
import { noteOf, processesOf } from './processes.js';
import type { Row } from './rows.js';

const row = (subject: SubjectId, clients: number, relays: number): Row => ({
  scenario: 'scale30000',
  subject,
  runs: 1,
  values: {},
  topology: { clients, relays, generators: 1 },
});

describe('processesOf and noteOf', () => {
  it.each([
    [row('stock', 30_000, 1), '1 process', undefined],
    [row('stock', 19_000, 1), '1 process', '19,000 clients'],
    [row('split', 30_000, 1), '1 relay + 1 hub server', undefined],
    [row('split', 30_000, 2), '2 relays with 15,000 each + 1 hub server', '2 relays'],
    [{ scenario: 'scale30000', subject: 'split', runs: 1, values: {} } as const, '', undefined],
  ])('%#', (given, processes, note) => {
    expect(processesOf(given)).toBe(processes);
    expect(noteOf(given)).toBe(note);
  });
});
