import { afterEach, describe, expect, it } from 'vitest';
import { FinRepeater } from '../../lib/hub/fin-repeater.js';
import { HubLink } from '../../lib/protocol/hub-link.js';
import { InboundQueue } from '../../lib/protocol/inbound-queue.js';
import { OutboundWindow } from '../../lib/protocol/outbound-window.js';
import { Rebinding } from '../../lib/protocol/rebinding.js';
import { RelayBinding } from '../../lib/protocol/relay-binding.js';
import type { ServerStream } from '../../lib/protocol/server-stream.js';
import { RelayLinkMoves } from '../../lib/protocol/relay-link-moves.js';
import { RelayLink } from '../../lib/protocol/relay-link.js';
import { RelayMigration } from '../../lib/protocol/relay-migration.js';
import { RelaySession } from '../../lib/protocol/relay-session.js';
import { RetentionBudget } from '../../lib/protocol/retention-budget.js';
import type { Retention } from '../../lib/protocol/retention.js';
import { ClientConnection } from '../../lib/relay/client-connection.js';
import { HubServers } from '../../lib/relay/hub-servers.js';
import { IngressReload } from '../../lib/relay/ingress-reload.js';
import type { RelayCore } from '../../lib/relay/relay-core.js';
import { ServerDrain } from '../../lib/relay/server-drain.js';
import type { DrainHost } from '../../lib/relay/server-drain.js';
import { MAX_SCHEDULES, expectFound, findings } from './findings.js';
import { every, mutate, nothing } from './mutate.js';
import { SimulatedConnection } from './simulated-connection.js';

let restore: (() => void) | undefined;
afterEach(() => restore?.());

describe('the checker', () => {
  it('finds nothing in the core as it is', () => {
    expect(findings(100)).toEqual([]);
  });

  it('finds an inbound message that is lost', () => {
    const unlucky = every(40);
    restore = mutate(HubLink.prototype, 'onData', (original) => (self, ...args) => {
      if (unlucky()) self.handled(self.delivered());
      else original(self, ...args);
    });
    expectFound(1);
  });

  it('finds an inbound message that is handled twice', () => {
    const unlucky = every(40);
    restore = mutate(SimulatedConnection.prototype, 'deliver', (original) => (self, ...args) => {
      original(self, ...args);
      if (unlucky()) original(self, ...args);
    });
    expectFound(1);
  });

  it('finds an outbound message that is lost', () => {
    const unlucky = every(40);
    restore = mutate(RelayLink.prototype, 'onData', (original) => (self, binding, ...args) => {
      if (unlucky()) (binding as RelayBinding).stream.onTaken(1);
      else original(self, binding, ...args);
    });
    expectFound(2);
  });

  it('finds an outbound message that is doubled', () => {
    const unlucky = every(40);
    restore = mutate(ClientConnection.prototype, 'deliver', (original) => (self, ...args) => {
      original(self, ...args);
      if (unlucky()) original(self, args[0], args[1], { onTaken() {} });
    });
    expectFound(2);
  });

  it('finds two outbound messages that are swapped', () => {
    const unlucky = every(40);
    let kept: unknown[] | undefined;
    restore = mutate(ClientConnection.prototype, 'deliver', (original) => (self, ...args) => {
      if (!kept && unlucky()) {
        kept = [self, ...args];
        return;
      }
      original(self, ...args);
      if (kept?.[0] === self) {
        original(self, ...kept.slice(1));
        kept = undefined;
      }
    });
    expectFound(2);
  });

  it('finds a new server let through before the old one is released', () => {
    restore = mutate(RelayBinding.prototype, 'open', (original) => (self, ...args) => {
      self.stream.letThrough();
      return original(self, ...args);
    });
    expectFound(2);
  });

  it('finds a target that is not held back by its connection going back', () => {
    restore = mutate(RelayMigration.prototype, 'dropTarget', nothing);
    expect(findings()).not.toEqual([]);
  });

  it('finds an origin that is ready while its handlers run', () => {
    restore = mutate(HubLink.prototype, 'leaveAtSafePoint', (original) => (self, ...args) => {
      (self as unknown as { inbound: { inFlight: number } }).inbound.inFlight = 0;
      return original(self, ...args);
    });
    expectFound(3);
  });

  it('finds an origin that keeps what it has not handed over', () => {
    restore = mutate(RelayLinkMoves.prototype, 'moved', (original) => (self, ...args) => {
      const { inbound } = self as unknown as { inbound: InboundQueue };
      inbound.release(inbound.forwarded, []);
      return original(self, ...args);
    });
    expectFound(1);
  });

  it('finds an epoch that does not rise', () => {
    restore = mutate(RelayLink.prototype, 'nextEpoch', () => () => 1);
    expectFound(3);
  });

  it('finds a forgotten rollback', () => {
    restore = mutate(
      RelayBinding.prototype,
      'acknowledgeMigration',
      (original) => (self, message) => {
        if ((message as { outcome: string }).outcome === 'committed') original(self, message);
      },
    );
    expect(findings()).not.toEqual([]);
  });

  it('finds a forgotten commit', () => {
    restore = mutate(
      RelayBinding.prototype,
      'acknowledgeMigration',
      (original) => (self, message) => {
        if ((message as { outcome: string }).outcome !== 'committed') original(self, message);
      },
    );
    expectFound(3);
  });

  it('finds clients who are not told that their server is gone', () => {
    restore = mutate(RelayLink.prototype, 'loseServer', nothing);
    expectFound(4);
  });

  it('finds a target that is waited for without a limit', () => {
    restore = mutate(RelayMigration.prototype, 'onStepTimeout', nothing);
    expect(findings()).not.toEqual([]);
  });

  it('finds a drain without its deadline', () => {
    restore = mutate(ServerDrain.prototype, 'onDeadline', nothing);
    expectFound(5);
  });

  it('finds timers that are left behind', () => {
    restore = mutate(ServerDrain.prototype, 'stop', (original) => (self, ...args) => {
      const { host } = self as unknown as { host: DrainHost };
      host.clock.setTimer(() => undefined, 3_600_000);
      return original(self, ...args);
    });
    expectFound(5);
  });

  it('finds a true end that is not reported', () => {
    restore = mutate(RelayBinding.prototype, 'tellClosed', (original) => (self, ...args) => {
      if (args[2]) original(self, ...args);
    });
    expectFound(5);
  });

  it('finds a close callback that comes twice', () => {
    const unlucky = every(20);
    restore = mutate(SimulatedConnection.prototype, 'closed', (original) => (self, ...args) => {
      original(self, ...args);
      if (unlucky()) original(self, ...args);
    });
    expectFound(6);
  });

  it('finds a move that is reported as a true end', () => {
    restore = mutate(
      SimulatedConnection.prototype,
      'closed',
      (original) => (self, code, reason) => original(self, code, reason, undefined),
    );
    expectFound(6);
  });

  it('finds a FIN without an answer', () => {
    restore = mutate(FinRepeater.prototype, 'settled', nothing);
    expectFound(5);
  });

  it('finds a client that is not slowed down', () => {
    restore = mutate(InboundQueue.prototype, 'checkPressure', nothing);
    expectFound(7);
  });

  it('finds bytes that are not given back', () => {
    restore = mutate(
      RetentionBudget.prototype,
      'remove',
      (original) => (self, bytes) => original(self, Math.max(0, (bytes as number) - 1)),
    );
    expectFound(7);
  });

  it('finds a hub server that sends more than the client takes', () => {
    restore = mutate(OutboundWindow.prototype, 'transmit', () => (self) => {
      (self as OutboundWindow).transmitAll();
    });
    expectFound(7);
  });

  it('finds a frame that the protocol does not allow', () => {
    const unlucky = every(50);
    restore = mutate(
      RelaySession.prototype,
      'sendData',
      (original) =>
        (self, link, ...args) =>
          original(self, (link as number) + (unlucky() ? 50 : 0), ...args),
    );
    expectFound(3);
  });

  it('finds a client who is forgotten while it waits for its answer', () => {
    restore = mutate(ClientConnection.prototype, 'fail', nothing);
    expectFound(4);
  });

  it('finds a hub server that sends again what the relay has', () => {
    restore = mutate(OutboundWindow.prototype, 'rebind', (original) => (self, ...args) => {
      const { retained } = self as unknown as { retained: Retention };
      const received = Math.max(retained.acknowledged, (args[2] as number) - 1);
      return original(self, args[0], args[1], received);
    });
    expectFound(2);
  });

  it('finds a hub server that does not send again what was lost', () => {
    restore = mutate(OutboundWindow.prototype, 'rebind', (original) => (self, ...args) => {
      const { transmitted } = self as unknown as { transmitted: number };
      return original(self, args[0], args[1], transmitted);
    });
    expectFound(2);
  });

  it.each([
    ['sends again what the hub server has', -1],
    ['does not send again what was lost', 1],
  ])('finds a relay that %s', (_, shift) => {
    restore = mutate(InboundQueue.prototype, 'resumeAt', (original) => (self, received) => {
      const { acknowledged, forwarded } = self as InboundQueue;
      const wrong = (received as number) + shift;
      return original(self, Math.min(forwarded, Math.max(acknowledged, wrong)));
    });
    expectFound(1);
  });

  it('finds a relay that does not report what it received', () => {
    restore = mutate(RelayBinding.prototype, 'rebind', (original) => (self, ...args) => {
      self.stream.received = self.stream.taken;
      return original(self, ...args);
    });
    expectFound(2);
  });

  it('finds a relay that does not repeat its acknowledgement', () => {
    restore = mutate(RelayLink.prototype, 'onRebound', (original) => (self, binding, ...args) => {
      (binding as RelayBinding).scheduleAck = () => undefined;
      original(self, binding, ...args);
      delete (binding as Partial<RelayBinding>).scheduleAck;
    });
    const narrow = { retainedBytes: 200, retainedMessages: 1 };
    const cuts = { cutSession: 1, maxDelay: 40, serviceConnections: 3, hubLimits: narrow };
    expect(findings(MAX_SCHEDULES, { ...cuts, rolls: [] })).not.toEqual([]);
  });

  it('finds a service connection that is given up for an old epoch', () => {
    restore = mutate(
      RelayLink.prototype,
      'reclaim',
      (original) => (self, target) => original(self, target, Infinity),
    );
    expectFound(3, { cutSession: 1, serviceConnections: 3, maxDelay: 40, rolls: [] });
  });

  it('finds numbers that are not skipped', () => {
    restore = mutate(RelayBinding.prototype, 'skip', nothing);
    const crashes = { serverDies: 1, overrun: 0.3, dispatch: 'now', servers: 3 } as const;
    expect(findings(MAX_SCHEDULES, crashes)).not.toEqual([]);
  });

  it('finds links that are not rebound', () => {
    restore = mutate(Rebinding.prototype, 'tryOn', nothing);
    expectFound(4);
  });

  it('finds a crash in which handled messages are delivered again', () => {
    restore = mutate(InboundQueue.prototype, 'release', nothing);
    expectFound(1);
  });

  it('finds what one server sent being forgotten with its service connection', () => {
    restore = mutate(RelayLink.prototype, 'bindAgain', (original) => (self, target, stream) => {
      (stream as ServerStream).received = 0;
      return original(self, target, stream);
    });
    expect(findings()).not.toEqual([]);
  });

  it('finds a server that is given up before its time', () => {
    restore = mutate(
      HubServers.prototype as never,
      'sessionEnded',
      (original) =>
        (self, ...args) => {
          const { relay } = self as unknown as { relay: RelayCore };
          relay.options.hubReconnectGraceMs = 10;
          return original(self, ...args);
        },
    );
    expectFound(4);
  });

  it('finds a reload of an ingress without its deadline', () => {
    restore = mutate(IngressReload.prototype as never, 'leftMs', () => () => 1000);
    expectFound(5);
  });

  it('finds a reload that is over before the links have left', () => {
    restore = mutate(IngressReload.prototype as never, 'linksLeft', (original) => {
      const unlucky = every(3);
      return (self) => (unlucky() ? 0 : original(self));
    });
    expectFound(5);
  });

  it('finds clients who are asked to leave for the ingress of others', () => {
    restore = mutate(ClientConnection.prototype, 'reroute', (original) => (self, ...args) => {
      (self as ClientConnection).askToLeave(1012, 'ingressReload');
      return original(self, ...args);
    });
    expectFound(4);
  });
});
