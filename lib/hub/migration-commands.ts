import type { Clock, Timer } from '../protocol/clock.js';
import type { HubSession } from '../protocol/hub-session.js';
import { MessageType } from '../protocol/messages.js';
import { MESSAGE_SCHEMAS } from '../protocol/schema.js';
import { commandNotValid } from './hub.messages.js';
import type { CommandResult, MigrationAnswer, MigrationCommand } from '../protocol/messages.js';

/** Time for all relays that are asked, in milliseconds. */
const LIMIT_MS = 5000;
/** Commands that may wait for their answers. */
const MAX_COMMANDS = 1000;

/** What is asked of a connection's migration. */
export type MoveCommand = Pick<MigrationCommand, 'action' | 'to' | 'deadlineMs' | 'reason'>;

/**
 * What came of it. Besides what the relay says: `noAnswer`, no relay said anything in time; `noRelay`,
 * there is none to ask; `busy`, too many commands are under way.
 */
export type CommandAnswer = Pick<
  MigrationAnswer,
  'state' | 'attempt' | 'server' | 'reason' | 'waitsFor'
> & {
  result: CommandResult | 'noAnswer' | 'noRelay' | 'busy';
};

interface Waiting {
  readonly message: MigrationCommand;
  readonly done: (answer: CommandAnswer) => void;
  readonly timer: Timer;
  /** Those that were asked and have not answered. */
  readonly asked: Set<HubSession>;
  /** Whether every relay could be asked so far. */
  complete: boolean;
}

/**
 * The commands of a hub server to its relays. The relay that has the connection answers; one that
 * does not know it says `unknown`.
 */
export class MigrationCommands {
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  constructor(
    private readonly sessions: ReadonlySet<HubSession>,
    private readonly clock: Clock,
  ) {}

  /**
   * @param via where the connection's relay is known: a session with it; else every relay is asked
   * @param done called once, at once or later
   * @throws RangeError when no relay would take the command
   */
  ask(
    connectionId: string,
    command: MoveCommand,
    via: HubSession | undefined,
    done: (answer: CommandAnswer) => void,
  ): void {
    const message = { ...command, type: MessageType.MigrationCommand, request: 0, connectionId };
    const fault = MESSAGE_SCHEMAS.get(message.type)!(message);
    if (fault) throw new RangeError(commandNotValid(fault));
    const targets = via?.open ? [via] : this.oneOfEachRelay();
    if (targets.length === 0 || this.waiting.size >= MAX_COMMANDS) {
      done(withoutAnswer(targets.length === 0 ? 'noRelay' : 'busy'));
      return;
    }
    const request = (message.request = ++this.last);
    const timer = this.clock.setTimer(() => this.end(request, withoutAnswer('noAnswer')), LIMIT_MS);
    const asked = new Set(targets);
    this.waiting.set(request, { message, done, timer, asked, complete: true });
    for (const session of targets) session.sendControl(message);
  }

  /** The first answer that knows the connection counts; a late one has no effect. */
  answered(session: HubSession, answer: MigrationAnswer): void {
    const { request } = answer;
    const command = this.waiting.get(request);
    if (!command?.asked.delete(session)) return;
    if (answer.result !== 'unknown') this.end(request, answer);
    else this.endUnknown(request, command);
  }

  /** What this session was asked is asked on another one to the same relay. */
  lost(session: HubSession): void {
    const other = [...this.sessions].find((it) => it.open && it.relayId === session.relayId);
    for (const [request, command] of Array.from(this.waiting)) {
      if (!command.asked.delete(session)) continue;
      if (other) {
        command.asked.add(other);
        other.sendControl(command.message);
      } else {
        command.complete = false;
        this.endUnknown(request, command);
      }
    }
  }

  /** Nobody will answer any more. */
  stop(): void {
    for (const request of Array.from(this.waiting.keys())) {
      this.end(request, withoutAnswer('noRelay'));
    }
  }

  /** Nobody that is left to answer knows the connection. */
  private endUnknown(request: number, { asked, complete }: Waiting) {
    if (asked.size > 0) return;
    this.end(request, withoutAnswer(complete ? 'unknown' : 'noRelay'));
  }

  private end(request: number, answer: CommandAnswer) {
    const { timer, done } = this.waiting.get(request)!;
    this.waiting.delete(request);
    this.clock.clearTimer(timer);
    done(answer);
  }

  private oneOfEachRelay(): HubSession[] {
    const byRelay = new Map<string, HubSession>();
    for (const it of this.sessions) if (it.open) byRelay.set(it.relayId, it);
    return [...byRelay.values()];
  }
}

const withoutAnswer = (result: CommandAnswer['result']): CommandAnswer => ({
  result,
  state: 'none',
  attempt: 0,
});
