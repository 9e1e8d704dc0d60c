/** A day, in milliseconds: the longest duration an option may have. */
export const LONGEST_MS = 86_400_000;

/** An hour, in milliseconds: the protocol's limit of both keep-alive times. */
export const LONGEST_KEEP_ALIVE_MS = 3_600_000;

/** The largest message, in bytes: well below the longest string the runtime can hold. */
export const LARGEST_MESSAGE = 64 * 1024 * 1024;

/** The most bytes that may be retained for one connection. */
export const LARGEST_RETENTION = 1_073_741_824;

/** The largest context, in bytes: with everything else it must fit into one control message. */
export const LARGEST_CONTEXT = 524_288;

/** The most messages that may be retained for one connection. */
export const MOST_RETAINED_MESSAGES = 1_000_000;
