import { describe, expect, it } from 'vitest';
import { ExportRecord } from './export-record.js';

const clean = {
  gaps: 0,
  repeatsOnDeploys: 0,
  repeatsBelowCheckpoint: 0,
  late: 0,
  wrongAnswers: 0,
  answeredTwice: 0,
};

function rows(record: ExportRecord, first: number, last: number): void {
  for (let n = first; n <= last; n += 1) record.onRow(n);
}

/** An export of 20 rows, of which 10 have come, the first 5 with a checkpoint. */
function halfWay(): ExportRecord {
  const record = new ExportRecord(20);
  record.onFrom(1);
  rows(record, 1, 5);
  record.onMark(5);
  rows(record, 6, 10);
  return record;
}

function finish(record: ExportRecord, from: number): void {
  record.onFrom(from);
  rows(record, from, 20);
  record.onEnd(20);
}

describe('ExportRecord', () => {
  it('finds nothing in rows that continue where they stopped', () => {
    const record = halfWay();
    finish(record, 11);
    expect(record).toMatchObject({ faults: clean, ended: true, highest: 20, continued: 1 });
  });

  it('finds rows that are missing, in a stream, where it continues, and at its end', () => {
    const record = halfWay();
    record.onRow(13);
    expect(record.faults).toEqual({ ...clean, gaps: 2 });
    record.onFrom(16);
    expect(record.faults.gaps).toBe(4);
    record.onEnd(20);
    expect(record.faults.gaps).toBe(9);
  });

  it('counts repeats on a deploy, announced or not', () => {
    const record = halfWay();
    record.onRow(10);
    finish(record, 10);
    expect(record.faults).toEqual({ ...clean, repeatsOnDeploys: 2 });
  });

  it('allows repeats above the last checkpoint when the server was lost, and no others', () => {
    const allowed = halfWay();
    allowed.serverLost();
    finish(allowed, 6);
    expect(allowed).toMatchObject({ faults: clean, repeatsAfterKills: 5 });

    const below = halfWay();
    below.serverLost();
    finish(below, 4);
    expect(below).toMatchObject({
      faults: { ...clean, repeatsBelowCheckpoint: 2 },
      repeatsAfterKills: 5,
    });

    const twice = halfWay();
    twice.serverLost();
    twice.onFrom(11);
    finish(twice, 8);
    expect(twice.faults).toEqual({ ...clean, repeatsOnDeploys: 3 });
  });

  it('allows the end to come again when the server was lost right after it', () => {
    const record = halfWay();
    finish(record, 11);
    record.serverLost();
    finish(record, 6);
    expect(record).toMatchObject({ faults: clean, repeatsAfterKills: 15, ended: true });
    record.onRow(20);
    expect(record.faults).toEqual({ ...clean, late: 1 });
  });

  it('wants one answer to a cancellation, and nothing after it', () => {
    const record = halfWay();
    record.cancelSent = true;
    record.onCancelled(true);
    expect(record).toMatchObject({ faults: clean, isOver: true });
    record.onRow(11);
    record.onFrom(12);
    record.onMark(12);
    record.onEnd(20);
    record.onCancelled(true);
    expect(record.faults).toEqual({ ...clean, late: 4, answeredTwice: 1 });
  });

  it.each([true, false])('compares found: %s with what it saw', (found) => {
    const ended = halfWay();
    finish(ended, 11);
    const running = halfWay();
    for (const record of [ended, running]) {
      record.cancelSent = true;
      record.onCancelled(found);
    }
    expect(ended.faults.wrongAnswers).toBe(found ? 1 : 0);
    expect(running.faults.wrongAnswers).toBe(found ? 0 : 1);
  });

  it('finds an answer to a cancellation that nobody asked for', () => {
    const record = halfWay();
    record.onCancelled(true);
    expect(record.faults.wrongAnswers).toBe(1);
  });
});
