const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** However this process ends, unless by SIGKILL, nothing that it started is to outlive it. */
export function atExit(cleanUp: () => void): void {
  process.once('exit', cleanUp);
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.once(signal, () => process.exit(128 + number));
  }
}
