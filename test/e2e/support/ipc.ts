/** What an app process tells the test: what its gateways saw, in order. */
export interface AppEvent {
  event: string;
  [detail: string]: unknown;
}

/** What a test asks of an app process. */
export interface Command {
  command: string;
  call: number;
  argument?: unknown;
}

/** The answer to a command. */
export interface Answer {
  call: number;
  result?: unknown;
  error?: string;
}
