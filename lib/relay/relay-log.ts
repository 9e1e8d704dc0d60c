/** Where a relay writes what people should know. */
export interface RelayLog {
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
