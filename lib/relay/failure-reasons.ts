/** Why migrations fail. Other texts are those of applications, which may be of any number. */
const KNOWN: ReadonlySet<string> = new Set([
  'alreadyThere',
  'cancelled',
  'clientClosed',
  'closedByServer',
  'closing',
  'deadline',
  'handlerRunning',
  'noTarget',
  'notMigratable',
  'originLost',
  'refused',
  'refusedByOrigin',
  'serverReturned',
  'targetLost',
  'targetTimeout',
]);

/** The name under which a failed attempt is counted, and which clients may see. */
export const countedReason = (reason: string): string =>
  KNOWN.has(reason) ? reason : 'refusedByOrigin';
