import { SCENARIOS } from '../scenarios/scenarios.js';
import type { Topology } from '../scenarios/topology.js';
import { thousands } from './format.js';
import type { Row } from './rows.js';

/** What served the clients of a row; empty where it is not known. */
export function processesOf({ subject, topology }: Row): string {
  if (!topology) return '';
  const { clients, relays } = topology;
  if (subject !== 'split') return '1 process';
  if (relays === 1) return '1 relay + 1 hub server';
  return `${relays} relays with ${thousands(clients / relays)} each + 1 hub server`;
}

/** In what a row differs from the others of its scenario; undefined: in nothing. */
export function noteOf({ scenario, topology }: Row): string | undefined {
  if (!topology) return undefined;
  if (topology.relays > 1) return `${topology.relays} relays`;
  return isWhole(scenario, topology) ? undefined : `${thousands(topology.clients)} clients`;
}

const isWhole = (scenario: Row['scenario'], { clients }: Topology) =>
  SCENARIOS.find(({ id }) => id === scenario)!.clients === clients;
