import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";

import { Peer, TRANSPORTS } from "./peer.js";

/** Two healthy clients beside the misbehaving ones, one per transport: after each test both still get their echo. */
export function withCanaries(server) {
  let canaries = [];
  before(async () => {
    await server.ready;
    canaries = await Promise.all(TRANSPORTS.map((transport) => Peer.join(server, transport)));
  });
  afterEach(async () => {
    assert.ok(server.alive(), `the server is gone or panicked\n${server.log()}`);
    for (const canary of canaries) assert.deepEqual(await canary.roundTrip(), []);
  });
  after(() => canaries.forEach((canary) => canary.stop()));
}
