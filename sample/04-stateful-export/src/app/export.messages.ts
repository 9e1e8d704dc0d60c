/** Asks for rows 1 to `rows`. Sent with an id beside the event, by which it can be cancelled. */
export interface ExportQuery {
  id: string;
  rows: number;
}

/** Where an export that was interrupted goes on. */
export interface ExportCursor {
  next: number;
}

/** A client arrives at a hub server: at its connect, and whenever it was moved. */
export interface HereFrame {
  server: string;
  /** Of the app. */
  version: string;
  /** Why it was moved; null at its connect. */
  reason: string | null;
  /** Of its state's class. */
  stateVersion: number;
  /** From its state: when it connected, in milliseconds since 1970. */
  since: number;
}

/** An export begins at row 1, or continues at another one. */
export interface FromFrame {
  id: string;
  from: number;
}

export interface RowFrame {
  id: string;
  n: number;
}

/** Another server would continue after row `n`: the relay has a checkpoint that says so. */
export interface MarkFrame {
  id: string;
  n: number;
}

/** An export is complete. */
export interface EndFrame {
  id: string;
  rows: number;
}

/** The answer to the client's increment `n`. */
export interface CountedFrame {
  n: number;
  /** Increments counted so far. */
  total: number;
  /** Increments that came again, and were not counted again. */
  repeats: number;
}

/** What the state is, for the client to compare with what it knows. */
export interface StateFrame {
  total: number;
  /** serverIds of those that counted. */
  servers: string[];
  /** The latest finished exports: id and rows. */
  finished: [id: string, rows: number][];
}
