import { after, before, test } from "node:test";

import { hangUp, request } from "./http.js";
import { start, TARGET } from "../servers.js";

/** A server that runs for the tests of this file: read `.port` only inside them. */
export function serverFor(name) {
  const server = { port: 0 };
  server.ready = start(name).then((started) => Object.assign(server, started));
  before(() => server.ready);
  after(async () => {
    hangUp();
    await server.stop?.();
  });
  return server;
}

/** A test of what only Sockeye promises; `why` says what the Node packages do instead. */
export function sockeyeOnly(title, why, body) {
  test(title, { skip: TARGET === "node" && why }, body);
}

/**
 * Lets the server get to what was written before on another connection: nothing on the wire says that a poll is
 * pending, so do real work behind it.
 */
export async function roundTrips(server, count = 5) {
  for (let index = 0; index < count; index += 1) {
    await request(server, { target: "/engine.io/?EIO=4&transport=polling&sid=nobody" });
  }
}
