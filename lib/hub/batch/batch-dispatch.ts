import type { LoggerService } from '@nestjs/common';
import { stackOf } from '../hub-server-runtime.js';
import { resultNotSent } from '../hub.messages.js';
import type { VirtualServer } from '../virtual-server.js';
import type { VirtualSocket } from '../virtual-socket.js';
import { batchFailed, notResumed, stopFailed } from './batch.messages.js';
import { ConnectionBatches } from './connection-batches.js';
import type { BatchSettings } from './connection-batches.js';
import type { BatchCatalogue, EndpointBatches } from './endpoint-batches.js';
import { GatewayBatches } from './gateway-batches.js';
import type { HandlerCall, ParsedMessage } from './gateway-batches.js';

/** Outbound bytes of a client above which its streams wait. */
const ROOM_BYTES = 262_144;

type Parse = (data: string | Buffer) => ParsedMessage | undefined;

/** Gives the clients of endpoints that have batches what they need for them. */
export class BatchDispatch {
  private readonly settings = new Map<VirtualServer, BatchSettings & EndpointBatches>();

  /** @param maxBufferedBytes outbound bytes of a client above which it is cut */
  constructor(
    private readonly catalogue: BatchCatalogue,
    private readonly maxBufferedBytes: number,
    private readonly log: LoggerService,
  ) {}

  /**
   * The batches of a client for one of its gateways; undefined when its endpoint has none.
   * @param events that the gateway handles
   */
  of(
    client: VirtualSocket,
    events: { has(event: unknown): boolean },
    parse: Parse,
    call: HandlerCall,
  ): GatewayBatches | undefined {
    const settings = this.settingsOf(client.server, parse);
    if (!settings) return undefined;
    const isFirst = client.work === undefined;
    const notSent = (error: unknown) =>
      this.log.error(resultNotSent(client.connectionId), stackOf(error));
    client.work ??= new ConnectionBatches(client, settings, notSent, client.arrived);
    const work = client.work as ConnectionBatches;
    return new GatewayBatches(settings, work, events, isFirst, call);
  }

  private settingsOf(
    server: VirtualServer,
    parse: Parse,
  ): (BatchSettings & EndpointBatches) | undefined {
    const known = this.settings.get(server);
    if (known) return known;
    const endpoint = this.catalogue.of(server.endpoint);
    if (!endpoint) return undefined;
    const leavingRoomBytes = this.maxBufferedBytes / 2;
    const settings: BatchSettings & EndpointBatches = {
      ...endpoint,
      roomBytes: Math.min(ROOM_BYTES, leavingRoomBytes),
      leavingRoomBytes,
      parse,
      failed: ({ event, id }, error) => this.log.error(batchFailed(event, id), stackOf(error)),
      stopFailed: ({ event, id }, error) => this.log.error(stopFailed(event, id), stackOf(error)),
      notResumed: ({ event, id }) => this.log.error(notResumed(event, id)),
    };
    this.settings.set(server, settings);
    return settings;
  }
}
