// The example social_network: users in a store, and events for exactly the users concerned.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connected, open, versions, ways } from "../kit/client.js";
import { startExample, withEveryClient } from "../kit/example.js";
import { onlySockeye } from "../kit/server.js";

const server = await startExample("social_network", { DATABASE: ":memory:" });
const socketsOf = async (user) => (await server.request("GET", `/users/${encodeURIComponent(user.id)}/sockets`)).body;

const somebody = server && (await register("somebody"));

async function register(id) {
  const { status, body } = await server.request("POST", "/users", { id });
  assert.equal(status, 201);
  return body;
}

// Polls the store: that a socket has gone is written after the client knows.
async function mapped(user, ids) {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const sockets = await socketsOf(user);
    if (JSON.stringify(sockets) === JSON.stringify(ids)) {
      return;
    }
    assert.ok(Date.now() < deadline, `${user.id} has ${sockets}, not ${ids}`);
    await pause(20);
  }
}

describe("social_network", { skip: onlySockeye, concurrency: 3 }, () => {
  withEveryClient(versions, ways, (name, io, transport) => {
    describe(name, { concurrency: true }, () => {
      const enter = async (t, user) => {
        const peer = await connected(t, server.url, transport, io);
        peer.emit("initialConnection", user);
        assert.deepEqual(await peer.next("auth"), [true]);
        return peer;
      };

      test("tells every socket of the users concerned, once, and nobody else", async (t) => {
        const [ann, bob, eve] = await Promise.all(["ann", "bob", "eve"].map((who) => register(`${who} ${name}`)));
        const anns = [await enter(t, ann), await enter(t, ann)];
        const bobs = [await enter(t, bob), await enter(t, bob), await enter(t, bob)];
        const eves = await enter(t, eve);
        await mapped(bob, bobs.map((peer) => peer.id));

        assert.equal(await anns[0].ask("follow", bob.id), "followed");
        const chatroom = await anns[1].ask("createChatroom", { members: [bob.id, bob.id] });
        assert.equal(await bobs[0].ask("say", { chatroom, text: "hi" }), "said");
        const notHers = await eves.ask("say", { chatroom, text: "me too" });
        const nobody = await eves.ask("follow", "nobody");

        const update = [{ chatroom, from: bob.id, text: "hi" }];
        for (const peer of [...anns, ...bobs]) {
          assert.deepEqual(await peer.next("updatedChat"), update);
        }
        for (const peer of bobs) {
          assert.deepEqual(peer.history, ["connect", "auth", "Followed", "chatroom", "updatedChat"]);
          assert.deepEqual(peer.seen("Followed"), [[{ by: ann.id }]]);
          assert.deepEqual(peer.seen("chatroom"), [[{ id: chatroom, members: [ann.id, bob.id] }]]);
        }
        for (const peer of anns) {
          assert.deepEqual(peer.history, ["connect", "auth", "chatroom", "updatedChat"]);
        }
        assert.deepEqual(eves.history, ["connect", "auth"]);
        assert.deepEqual(notHers, { error: "not your chatroom" });
        assert.deepEqual(nobody, { error: "there is no such user" });
      });

      for (const [what, credentials] of Object.entries({
        "a wrong key": (user) => ({ ...user, secretkey: "0".repeat(64) }),
        "another user's key": (user) => ({ id: user.id, secretkey: somebody.secretkey }),
        "an unknown user": (user) => ({ ...user, id: "unknown" }),
      })) {
        test(`drops ${what}`, async (t) => {
          const user = await register(`${what} ${name}`);
          const peer = await connected(t, server.url, transport, io);

          peer.emit("initialConnection", credentials(user));

          assert.equal((await peer.next("disconnect"))[0], "io server disconnect");
          assert.deepEqual(peer.seen("auth"), [[false]]);
          assert.deepEqual(await socketsOf(user), []);
        });
      }

      test("knows exactly the last socket of a client that comes back five times, a second apart", async (t) => {
        const user = await register(`restless ${name}`);
        const options = { ...transport, reconnection: true, reconnectionDelay: 1000, reconnectionDelayMax: 1000, randomizationFactor: 0 };
        const peer = open(t, server.url, options, io);
        peer.socket.on("connect", () => peer.emit("initialConnection", user));
        await peer.next("auth");
        const ids = [peer.id];

        for (let time = 0; time < 5; time += 1) {
          // As if the network went away: the client comes back by itself.
          peer.socket.io.engine.close();
          assert.deepEqual(await peer.next("auth"), [true]);
          ids.push(peer.id);
        }

        await mapped(user, [ids.at(-1)]);
        assert.equal(new Set(ids).size, 6);
        const follower = await enter(t, await register(`follower ${name}`));
        await follower.ask("follow", user.id);
        await peer.next("Followed");
        peer.socket.disconnect();
        await mapped(user, []);
      });
    });
  });

  test("registers nobody twice", async () => {
    const again = await server.request("POST", "/users", { id: somebody.id });

    assert.equal(again.status, 409);
    assert.match(somebody.secretkey, /^[0-9a-f]{64}$/);
  });
});
