/** The storage of contexts, with its limits and its log. */
export interface StoredContexts {
  readonly leaseMs: number;
}
