// The client's own `retries`: every event is acknowledged, or sent again and in the end given up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { member, ways } from "./kit/client.js";
import { start } from "./kit/server.js";
import { within } from "./kit/wait.js";

for (const [way, transport] of Object.entries(ways)) {
  test(`a client that retries gets its acknowledgements in order over ${way}`, async (t) => {
    const { url } = await start({ client: { join: ["room:*"] } }, t);
    const peer = await member(t, url, { ...transport, retries: 3, ackTimeout: 5_000 });

    const answers = await within(
      "the acknowledgements",
      Promise.all([
        peer.socket.emitWithAck("join", { rooms: ["room:a"] }),
        peer.socket.emitWithAck("join", { rooms: ["room:b"] }),
        peer.socket.emitWithAck("leave", { rooms: ["room:a"] }),
      ]),
    );

    assert.deepEqual(answers.map(({ rooms }) => rooms), [["room:a"], ["room:a", "room:b"], ["room:b"]]);
  });

  test(`an event that nobody acknowledges is given up and holds nothing up over ${way}`, async (t) => {
    const { url } = await start({ client: { join: ["room:*"] } }, t);
    const peer = await member(t, url, { ...transport, retries: 2, ackTimeout: 50 });
    const tries = [];
    peer.socket.onAnyOutgoing((event) => tries.push(event));

    const nobody = within("the end of the tries", peer.socket.emitWithAck("nobody listens", 1));
    await assert.rejects(nobody, /operation has timed out/);

    assert.deepEqual(tries, Array(3).fill("nobody listens"));
    peer.socket._opts.ackTimeout = 5_000;
    const { rooms } = await within("the acknowledgement", peer.socket.emitWithAck("join", { rooms: ["room:a"] }));
    assert.deepEqual(rooms, ["room:a"]);
  });
}
