import type { ExportOptions } from './options.js';
import type { ExportResult } from './run.js';

const MOST_PROBLEMS = 20;

/** The object of `--json`. */
export function toJson({ deploys, kills, clients }: ExportOptions, result: ExportResult) {
  const { problems, examples: _, ...verdict } = result.verdict;
  const all = [...result.problems, ...problems];
  return { deploys, kills, clients, ...verdict, problems: all, durationMs: result.durationMs };
}

/** The verdict for people. */
export function toTable(options: ExportOptions, { verdict, durationMs, clean }: ExportResult) {
  const number = (value: number) => value.toLocaleString('en-US').padStart(12);
  const fault = (value: number) => `${number(value)}  ${value > 0 ? 'VIOLATION' : 'ok'}`;
  const rows: [string, string][] = [
    ['clients', number(options.clients)],
    ['deploys', number(options.deploys)],
    ['kills by SIGKILL', number(options.kills)],
    ['clients moved', `${number(verdict.moves)}  ${verdict.takenOver} from killed servers`],
    ['exports', `${number(verdict.exports)}  of ${options.rows.toLocaleString('en-US')} rows`],
    ['rows', number(verdict.rows)],
    ['exports continued', `${number(verdict.continued)}  by another server, in the middle`],
    ['row gaps', fault(verdict.gaps)],
    ['repeats on deploys', fault(verdict.repeatsOnDeploys)],
    ['repeats after kills', `${number(verdict.repeatsAfterKills)}  above the last checkpoint`],
    ['', `${fault(verdict.repeatsBelowCheckpoint)} below it`],
    ['cancelled', `${number(verdict.cancels)}  ${verdict.cancelsDuringMoves} during a move`],
    ['not answered', fault(verdict.unanswered)],
    ['answered twice', fault(verdict.answeredTwice)],
    ['answered wrongly', fault(verdict.wrongAnswers)],
    ['rows after the answer', fault(verdict.late)],
    ['increments', number(verdict.increments)],
    ['came again', `${number(verdict.recounted)}  after kills, not counted again`],
    ['states converted', `${number(verdict.converted)}  from version 1 to 2`],
    ['clients closed', fault(verdict.unexpectedCloses)],
    ['other problems', fault(verdict.problems.length)],
    ['duration', `${(durationMs / 1000).toFixed(1).padStart(12)}  s`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(22)}${value}`);
  return `\n${lines.join('\n')}\n\nVERDICT: ${clean ? 'as promised' : 'VIOLATED'}\n`;
}

/** A sentence for each of the first violations. */
export function toComplaints({ problems, verdict }: ExportResult): string {
  const all = [...problems, ...verdict.problems, ...verdict.examples].slice(0, MOST_PROBLEMS);
  return all.map((line) => `  ${line}\n`).join('');
}
