import type { Fault, FaultKind } from './small-world.js';

/** A service connection is lost: what was sent may still arrive, and each end learns at its time. */
export const cut: FaultKind = ({ wires }) =>
  wires
    .filter(({ broken, hub, relay }) => !broken && !hub.ended && !relay.ended)
    .map((wire) => ({
      name: `cut of ${wire.name}`,
      perform: () => {
        wire.broken = true;
      },
    }));

/** A hub server is killed. */
export const kill: FaultKind = ({ servers }) =>
  servers.map((server) => ({
    name: `death of ${server.serverId}`,
    perform: () => {
      for (const wire of server.wires) wire.broken = true;
      server.die();
    },
  }));

/** A hub server stands still, perhaps until its clients were taken over, and goes on. */
export const freeze: FaultKind = (world) =>
  world.servers.map((server) => ({
    name: `standstill of ${server.serverId}`,
    perform: () => world.freeze(server),
  }));

/** A target refuses. */
export const refuse: FaultKind = ({ servers }) =>
  servers.flatMap(({ clock, connections, serverId }) =>
    connections
      .filter(({ answered, over, side }) => !answered && !over && side.migrated && !clock.stopped)
      .map((connection) => ({
        name: `${serverId} refuses`,
        perform: () => connection.refuse(),
      })),
  );

/** Time passes though something is under way: a limit of time is exceeded. */
export const delay: FaultKind = ({ clock }): Fault[] =>
  clock.dates().map((date) => ({
    name: 'time runs away',
    detail: `for ${date - clock.time} ms`,
    perform: () => {
      clock.time = date;
    },
  }));
