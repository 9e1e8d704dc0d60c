/** Client to hub server, numbered from 1 per connection. */
export interface UpMessage {
  n: number;
  /** The client's name for its connection. */
  from: string;
  size: number;
  /** `size` times the letter `padLetter(n)`. */
  pad: string;
}

/** Hub server to client, numbered from 1 per stay of a connection on a server. */
export interface DownMessage {
  server: string;
  /** The number of the stay, as in the server's ledger. */
  visit: number;
  /** The label of the connection that it is meant for. */
  to: string;
  n: number;
  /** The number of the client's message that this answers; without it, a push. */
  re?: number;
  /** How long the handler took on purpose, in milliseconds. */
  tookMs?: number;
  size: number;
  pad: string;
}

export function padLetter(n: number): string {
  return String.fromCharCode(97 + (n % 26));
}
