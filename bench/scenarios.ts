/** Path of the gateway. */
export const PATH = '/bench';
/** Bytes of a message as JSON. */
export const MESSAGE_BYTES = 64;

export const SCENARIO_IDS = ['echo1', 'echo16', 'fanOut'] as const;
export type ScenarioId = (typeof SCENARIO_IDS)[number];

/** What the clients do. */
export interface Scenario {
  readonly id: ScenarioId;
  readonly name: string;
  /** Whether every client is answered, or all get what one of them asks for. */
  readonly kind: 'echo' | 'fanOut';
  readonly clients: number;
  /** Requests that wait for their answers: of each client in an echo, of the one driver in a fan-out. */
  readonly outstanding: number;
}

export function scenariosWith(fanOutClients: number): Scenario[] {
  return [
    {
      id: 'echo1',
      name: 'echo, 100 clients, 1 outstanding',
      kind: 'echo',
      clients: 100,
      outstanding: 1,
    },
    {
      id: 'echo16',
      name: 'echo, 50 clients, 16 outstanding',
      kind: 'echo',
      clients: 50,
      outstanding: 16,
    },
    {
      id: 'fanOut',
      name: `fan-out to ${fanOutClients} clients`,
      kind: 'fanOut',
      clients: fanOutClients,
      outstanding: 2,
    },
  ];
}
