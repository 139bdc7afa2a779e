// What real clients get back after their connection was lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { member, ways } from "./kit/client.js";
import { onlySockeye, start } from "./kit/server.js";

const reconnecting = { reconnection: true, reconnectionDelay: 200, reconnectionDelayMax: 200, randomizationFactor: 0 };
const settings = { client: { join: ["room:*"], relay: ["chat"] }, recovery: { duration: "1m" } };

// The numbers of the events so far; an offset stands behind each.
const numbers = (peer) => peer.seen("n").map(([number]) => number);

for (const [way, transport] of Object.entries(ways)) {
  test(`a client over ${way} gets what it missed, in order, after every break`, { skip: onlySockeye }, async (t) => {
    const server = await start(settings, t);
    const peer = await member(t, server.url, { ...transport, ...reconnecting });
    const other = await member(t, server.url);
    const { id } = peer;
    await peer.join("room:a");
    await other.join("room:a");

    for (const round of [0, 10, 20]) {
      await server.emit({ event: "n", args: [round] });
      if (way === "upgrade") {
        // The client puts off a close until it has upgraded, and keeps what comes in that very moment to
        // show it once more when it is back.
        await peer.upgraded();
      }
      peer.socket.io.engine.close();
      await peer.next("disconnect");
      await server.emit({ event: "n", args: [round + 1] });
      await server.emit({ event: "n", rooms: ["room:a"], args: [round + 2] });
      await server.emit({ event: "n", rooms: ["room:b"], args: ["not for it"] });
      await server.emit({ event: "n", rooms: [id], args: [round + 3] });
      await other.ask("chat", { room: "room:a", round });
      await peer.next("connect");
      await server.emit({ event: "n", args: [round + 4] });
      assert.equal(peer.socket.recovered, true);
      assert.equal(peer.id, id);
    }
    await server.emit({ event: "last" });
    await peer.next("last");

    const expected = [0, 10, 20].flatMap((round) => [0, 1, 2, 3, 4].map((step) => round + step));
    assert.deepEqual(numbers(peer), expected);
    assert.deepEqual(
      peer.seen("chat").map(([{ round }]) => round),
      [0, 10, 20],
    );
  });
}

test("a client that comes back before it received anything is recovered", { skip: onlySockeye }, async (t) => {
  const server = await start(settings, t);
  const peer = await member(t, server.url, { transports: ["websocket"], ...reconnecting });

  peer.socket.io.engine.close();
  await peer.next("disconnect");
  await server.emit({ event: "n", args: [1] });
  await peer.next("connect");
  await peer.next("n");

  assert.equal(peer.socket.recovered, true);
  assert.deepEqual(numbers(peer), [1]);
});

test("a client that comes back too late begins anew", { skip: onlySockeye }, async (t) => {
  const server = await start({ ...settings, recovery: { duration: "1ms" } }, t);
  const peer = await member(t, server.url, { transports: ["websocket"], ...reconnecting });
  const { id } = peer;

  peer.socket.io.engine.close();
  await peer.next("disconnect");
  await peer.next("connect");

  assert.equal(peer.socket.recovered, false);
  assert.notEqual(peer.id, id);
});

test("after a restart clients begin anew, and can be recovered again", { skip: onlySockeye }, async (t) => {
  const server = await start(settings, t);
  const peer = await member(t, server.url, { transports: ["websocket"], ...reconnecting });
  await server.emit({ event: "n", args: [1] });
  await peer.next("n");

  await server.stop();
  await peer.next("disconnect");
  await server.launchAgain();
  await peer.next("connect");
  assert.equal(peer.socket.recovered, false);
  peer.socket.io.engine.close();
  await peer.next("disconnect");
  await server.emit({ event: "n", args: [2] });
  await peer.next("connect");
  await peer.next("n");

  assert.equal(peer.socket.recovered, true);
  assert.deepEqual(numbers(peer), [1, 2]);
});
