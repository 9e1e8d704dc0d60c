import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { HttpException } from '@nestjs/common';
import { ConnectionRefusedException } from '../gateway/connection-refused.exception.js';
import { connectCheckTooLong } from './hub.messages.js';

/** The answer to a client's upgrade request. */
export type ConnectDecision =
  | { accepted: true; protocol: string }
  | { accepted: false; status: number; reason: string; headers: string[] };

/** An `@OnConnect()` method bound to its gateway. */
export type ConnectHook = (request: IncomingMessage) => unknown;

type VerifyInfo = { origin: string; secure: boolean; req: IncomingMessage };
type VerifyCallback = (
  verified: boolean,
  code?: number,
  message?: string,
  headers?: OutgoingHttpHeaders,
) => void;

/** The options of a `ws` server that decide about an upgrade. */
interface UpgradeOptions {
  verifyClient?: (info: VerifyInfo, callback?: VerifyCallback) => boolean | void;
  handleProtocols?: (protocols: Set<string>, request: IncomingMessage) => string | false;
}

/** What OpenConnectionResponse can carry: characters and entries. */
const MAX_REASON = 1024;
const MAX_HEADER = 8192;
const MAX_HEADERS = 64;
const MAX_PROTOCOL = 1024;

const refusal = (status: number, reason = '', headers: string[] = []): ConnectDecision => ({
  accepted: false,
  status: status >= 400 && status <= 599 ? status : 500,
  reason: (reason || (STATUS_CODES[status] ?? 'Refused')).slice(0, MAX_REASON),
  headers: headers.slice(0, MAX_HEADERS).map((text) => text.slice(0, MAX_HEADER)),
});

const headerList = (headers: OutgoingHttpHeaders = {}): string[] =>
  Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((it) => [name, String(it)]),
  );

function verify(
  options: UpgradeOptions,
  request: IncomingMessage,
): Promise<ConnectDecision | undefined> {
  const { verifyClient } = options;
  if (!verifyClient) return Promise.resolve(undefined);
  const socket = request.socket as unknown as { encrypted: boolean };
  const info: VerifyInfo = {
    origin: request.headers.origin as string,
    secure: socket.encrypted,
    req: request,
  };
  if (verifyClient.length !== 2) {
    return Promise.resolve(verifyClient(info) ? undefined : refusal(401));
  }
  return new Promise((resolve) => {
    verifyClient(info, (verified, code = 401, message, headers) => {
      resolve(verified ? undefined : refusal(code, message, headerList(headers)));
    });
  });
}

async function ask(hooks: readonly ConnectHook[], request: IncomingMessage) {
  for (const hook of hooks) {
    if ((await hook(request)) === false) return refusal(403);
  }
  return undefined;
}

function chooseProtocol(options: UpgradeOptions, request: IncomingMessage): string {
  const header = request.headers['sec-websocket-protocol'];
  if (!header) return '';
  const offered = new Set(header.split(',').map((it) => it.trim()));
  const chosen = options.handleProtocols
    ? options.handleProtocols(offered, request)
    : [...offered][0];
  return chosen && chosen.length <= MAX_PROTOCOL ? chosen : '';
}

function refusalOf(error: unknown): ConnectDecision | undefined {
  if (error instanceof ConnectionRefusedException) return refusal(error.status, error.message);
  if (error instanceof HttpException) return refusal(error.getStatus(), error.message);
  return undefined;
}

/**
 * Decides about a client's upgrade: `verifyClient`, the `@OnConnect()` methods of the endpoint's
 * gateways, and the subprotocol.
 * @param fault told of an error that is none of the application's refusals
 */
export async function decide(
  options: object,
  hooks: readonly ConnectHook[],
  request: IncomingMessage,
  limitMs: number,
  fault: (error: unknown) => void,
): Promise<ConnectDecision> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<ConnectDecision>((resolve) => {
    timer = setTimeout(() => {
      fault(new Error(connectCheckTooLong(limitMs)));
      resolve(refusal(503, 'no decision within the limit'));
    }, limitMs);
  });
  const answer = async (): Promise<ConnectDecision> => {
    const refused = (await verify(options, request)) ?? (await ask(hooks, request));
    return refused ?? { accepted: true, protocol: chooseProtocol(options, request) };
  };
  try {
    return await Promise.race([answer(), limit]);
  } catch (error) {
    const refused = refusalOf(error);
    if (!refused) fault(error);
    return refused ?? refusal(500);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the application has no say in an upgrade to this endpoint. */
export const decidesAtOnce = (options: UpgradeOptions, hooks: readonly ConnectHook[]): boolean =>
  hooks.length === 0 && !options.verifyClient && !options.handleProtocols;

/** The subprotocol for a client of an endpoint that {@link decidesAtOnce}. */
export const protocolFor = (options: object, request: IncomingMessage): string =>
  chooseProtocol(options, request);
