import { HttpException } from '@nestjs/common';

/** The answer to a request that could not be done, as in RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
}

/** A value of a request that is wrong. */
export interface FieldError {
  /** Name of the parameter or of the field of the body; `body` is the body as a whole. */
  field: string;
  /** What is wrong with it and what is accepted. */
  detail: string;
}

/** Answered as `application/problem+json`. */
export class ProblemException extends HttpException {
  constructor(
    readonly problem: Problem,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(problem, problem.status);
  }
}
