/**
 * Why nobody wants the results of a batch any more: `cancelled` by an attention of its client,
 * `disconnected`, `moved` to another hub server without this one's doing, or `migration`: it was ended
 * so that its connection can move (`unresumable: 'end'`).
 * @publicApi
 */
export type BatchEndReason = 'cancelled' | 'disconnected' | 'moved' | 'migration';

const TEXTS: Readonly<Record<BatchEndReason, string>> = {
  cancelled: 'The client cancelled the request (attention)',
  disconnected: 'The client has left',
  moved: 'Another hub server has taken over the connection',
  migration: 'The request was ended for a migration of its connection',
};

/**
 * The `reason` of a batch's aborted signal.
 * @publicApi
 */
export class BatchEnded extends Error {
  override readonly name = 'BatchEnded';

  constructor(readonly reason: BatchEndReason) {
    super(TEXTS[reason]);
  }
}
