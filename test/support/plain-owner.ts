import type { HubLinkOwner } from '../../lib/protocol/hub-link-owner.js';

/** An application without contexts, that lets its connections go at once. */
export const PLAIN_OWNER: HubLinkOwner = {
  holdsAcks: false,
  waitsFor: 'handlers',
  wantsFlow: false,
  deliver() {},
  messageHandled() {},
  pongReceived() {},
  moveRequested() {},
  depart: (_, done) => done({}),
  closed() {},
  stays() {},
};
