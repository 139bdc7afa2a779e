// The example service_helper: clients that choose their rooms, and services that send to them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connected, versions, ways } from "../kit/client.js";
import { startExample, withEveryClient } from "../kit/example.js";
import { onlySockeye } from "../kit/server.js";
import { token } from "../kit/tokens.js";

const server = await startExample("service_helper");
const send = (destination, topic, data) => server.request("POST", "/send", { destination, topic, data });

describe("service_helper", { skip: onlySockeye }, () => {
  withEveryClient(versions, ways, (name, io, transport) => {
    describe(name, { concurrency: true }, () => {
      const visitor = (t, sub, options = headed(sub, transport)) => connected(t, server.url, { path: "/io", ...transport, ...options }, io);
      const member = async (t, sub) => {
        const peer = await visitor(t, sub);
        peer.emit("authenticate");
        const [answer] = await peer.next("authenticated");
        assert.deepEqual(Object.keys(answer), ["id", "time"]);
        assert.equal(answer.id, peer.id);
        assert.ok(Math.abs(Date.parse(answer.time) - Date.now()) < 60_000);
        return peer;
      };

      test("sends to a room, to a socket, and to all", async (t) => {
        const [ann, bob] = [await member(t, "ann"), await member(t, "bob")];
        const stranger = await visitor(t, "eve");
        const topic = `news ${name}`;

        await send("io-default", topic, 1);
        await send("io-notification", topic, 2);
        const toOne = await send(ann.id, topic, { only: "ann" });
        await server.request("POST", "/broadcast", { topic, data: [3] });

        assert.deepEqual(toOne.body, { sockets: 1 });
        await last(bob, topic, [3]);
        await last(ann, topic, [3]);
        assert.deepEqual(bob.seen(topic), [[1], [2], [[3]]]);
        assert.deepEqual(ann.seen(topic), [[1], [2], [{ only: "ann" }], [[3]]]);
        stranger.emit("authenticate");
        await stranger.next("authenticated");
        assert.deepEqual(stranger.seen(topic), []);
      });

      test("lets clients into the rooms that they may join, and out again", async (t) => {
        const ann = await member(t, "ann");
        const room = `public-${name}`;

        const joined = await ann.ask("join", { rooms: [room, "user-ann", "user-bob", "admins"] });
        await send(room, "inside", 1);
        await send("user-bob", "inside", "not for ann");
        await send("admins", "inside", "not for ann");
        await send("user-ann", "inside", 2);
        await last(ann, "inside", 2);
        const left = await ann.ask("leave", { rooms: [room, "io-default"] });
        await send(room, "inside", "too late");
        await send("io-default", "still-there", true);
        await ann.next("still-there");

        assert.deepEqual(joined, { rooms: [room, "user-ann"] });
        assert.deepEqual(left, { rooms: [room] });
        assert.deepEqual(ann.seen("inside").filter(([data]) => data === "not for ann" || data === "too late"), []);
      });

      test("drops a client without a good token", async (t) => {
        const peer = await visitor(t, "eve", { auth: { token: "garbage" } });

        peer.emit("authenticate");

        assert.deepEqual(await peer.next("disconnect").then(([reason]) => reason), "io server disconnect");
        assert.deepEqual(peer.history.slice(-2), ["unauthenticated", "disconnect"]);
      });
    });
  });
});

// Frontends give both.
function headed(sub) {
  const value = token({ sub });
  return { auth: { token: value }, extraHeaders: { Authorization: `Bearer ${value}` } };
}

// Waits for an event with this argument.
async function last(peer, event, expected) {
  for (;;) {
    const [argument] = await peer.next(event);
    if (JSON.stringify(argument) === JSON.stringify(expected)) {
      return;
    }
  }
}
