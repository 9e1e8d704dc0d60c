import { Catch, HttpException, Inject, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { plainProblem } from './admin.problems.js';
import { Answers } from './answers.js';
import { ProblemException } from './problem.exception.js';
import type { Problem } from './problem.exception.js';

/** Answers every error of the admin API's routes as a problem (RFC 9457). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Logger('MigrationAdmin');

  constructor(@Inject(Answers) private readonly answers: Answers) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = this.problemOf(error);
    const headers = error instanceof ProblemException ? error.headers : {};
    this.answers.send(host.switchToHttp().getResponse(), problem.status, problem, headers);
  }

  private problemOf(error: unknown): Problem {
    if (error instanceof ProblemException) return error.problem;
    if (error instanceof HttpException) return plainProblem(error.getStatus(), error.message);
    this.log.error('A request failed', error instanceof Error ? error.stack : String(error));
    return plainProblem(500, 'see the log of the relay');
  }
}
