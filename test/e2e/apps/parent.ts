import type { Answer, AppEvent, Command } from '../support/ipc.js';

type Handler = (argument: unknown) => unknown;

const handlers = new Map<string, Handler>();
const openGates = new Set<string>();
const waiting = new Map<string, (() => void)[]>();

function tell(message: AppEvent | Answer): void {
  process.send?.(message);
}

/** Tells the test what happened here. */
export function report(event: string, details: object = {}): void {
  tell({ event, ...details });
}

/** Answers the test's command of this name. */
export function onCommand(command: string, handler: Handler): void {
  handlers.set(command, handler);
}

/** Reports `waiting` and resolves when the test opens the gate; at once when it is open. */
export async function gate(name: string): Promise<void> {
  report('waiting', { gate: name });
  if (openGates.has(name)) return;
  await new Promise<void>((resolve) => {
    waiting.set(name, [...(waiting.get(name) ?? []), resolve]);
  });
}

/** Listens to the test, without keeping this process alive. */
export function listenToParent(): void {
  onCommand('open', (name) => {
    openGates.add(name as string);
    for (const resolve of waiting.get(name as string) ?? []) resolve();
  });
  process.on('message', (message: Command) => void answer(message));
  process.on('disconnect', () => process.exit(1));
  process.channel?.unref();
}

async function answer({ command, call, argument }: Command): Promise<void> {
  try {
    const handler = handlers.get(command);
    if (!handler) throw new Error(`unknown command ${command}`);
    tell({ call, result: await handler(argument) });
  } catch (error) {
    tell({ call, error: String(error) });
  }
}
