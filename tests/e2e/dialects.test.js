// The three ways in which existing frontends say who they are.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connected, ways } from "./kit/client.js";
import { start } from "./kit/server.js";
import { badTokens, token } from "./kit/tokens.js";

const client = { join: ["room:*"] };
const using = (dialect, auth = {}) => start({ client, auth: { dialect, require: { role: "admin" }, ...auth } });
const DEADLINE = { deadline: "400ms" };

async function assertAuthenticated(peer) {
  assert.equal((await peer.ask("join", "room:a")).status, "ok");
}

// The last event before the disconnect says why, with these arguments.
async function assertRefused(peer, event, args) {
  assert.deepEqual(await peer.next("disconnect").then(([reason]) => reason), "io server disconnect");
  assert.deepEqual(peer.history.slice(-2), [event, "disconnect"]);
  assert.deepEqual(peer.seen(event), [args]);
}

const [plain, authenticate, initial] = await Promise.all([using("authentication"), using("authenticate"), using("initialConnection")]);
const [hastyPlain, hastyAuthenticate, hastyInitial, optional] = await Promise.all([
  using("authentication", DEADLINE),
  using("authenticate", DEADLINE),
  using("initialConnection", DEADLINE),
  using("authentication", { ...DEADLINE, required: false }),
]);

for (const [way, transport] of Object.entries(ways)) {
  describe(`over ${way}`, { concurrency: 6 }, () => suite(transport));
}

function suite(transport) {
  const visitor = (t, server, options) => connected(t, server.url, { ...transport, ...options });

  describe("dialect authentication", { concurrency: 6 }, () => {
    test("acknowledges a refusal too when asked for it", async (t) => {
      const peer = await visitor(t, plain);
      const refusal = { status: 401, message: `Authentication failure socket ${peer.id}` };

      const answer = await peer.ask("authentication", "garbage");

      assert.deepEqual(answer, refusal);
      await assertRefused(peer, "unauthorized", [refusal]);
    });

    test("lets the event win over nothing in the handshake", async (t) => {
      const peer = await visitor(t, plain, { auth: { other: 1 } });

      peer.emit("authentication", token());

      await peer.next("authenticated");
      await assertAuthenticated(peer);
    });

    test("leaves anonymous sockets alone when authentication is not required", async (t) => {
      const anonymous = await visitor(t, optional);
      const reference = await visitor(t, hastyPlain);

      await reference.refused();
      await anonymous.ask("authentication", token());

      await assertAuthenticated(anonymous);
      assert.deepEqual(anonymous.seen("unauthorized"), []);
    });
  });

  describe("dialect authenticate", { concurrency: 6 }, () => {
    for (const [place, options] of Object.entries({
      "the handshake": (text) => ({ auth: { token: text } }),
      "the Authorization header": (text) => ({ extraHeaders: { Authorization: `Bearer ${text}` } }),
    })) {
      test(`takes the token from ${place}`, async (t) => {
        const peer = await visitor(t, authenticate, options(token()));

        peer.emit("authenticate");

        const [answer] = await peer.next("authenticated");
        assert.deepEqual(Object.keys(answer).sort(), ["id", "time"]);
        assert.equal(answer.id, peer.id);
        assert.match(answer.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$/);
        assert.ok(Math.abs(Date.parse(answer.time) - Date.now()) < 60_000);
        await assertAuthenticated(peer);
      });

      test(`drops a bad token from ${place}`, async (t) => {
        const peer = await visitor(t, authenticate, options("garbage"));

        peer.emit("authenticate");

        await assertRefused(peer, "unauthenticated", []);
      });
    }

    test("lets a socket with a good token in only when it asks", async (t) => {
      const peer = await visitor(t, authenticate, { auth: { token: token() } });
      const early = [];

      peer.socket.emit("join", "room:a", (answer) => early.push(answer));
      peer.emit("authenticate");
      await peer.next("authenticated");

      await assertAuthenticated(peer);
      assert.deepEqual(early, []);
    });

    test("drops a socket without a token", async (t) => {
      const peer = await visitor(t, authenticate);

      peer.emit("authenticate");

      await assertRefused(peer, "unauthenticated", []);
    });

    test("takes no token from the event", async (t) => {
      const peer = await visitor(t, authenticate);

      peer.emit("authenticate", token());

      await assertRefused(peer, "unauthenticated", []);
    });

    test("drops a good token that is not allowed", async (t) => {
      const peer = await visitor(t, authenticate, { auth: { token: token({ role: "guest" }) } });

      peer.emit("authenticate");

      await assertRefused(peer, "unauthenticated", []);
    });

    test("drops a silent socket at the deadline", async (t) => {
      const peer = await visitor(t, hastyAuthenticate, { auth: { token: token() } });

      await assertRefused(peer, "unauthenticated", []);
    });
  });

  describe("dialect initialConnection", { concurrency: 6 }, () => {
    test("lets in an id with its secret key", async (t) => {
      const peer = await visitor(t, initial);

      peer.emit("initialConnection", { id: "42", secretkey: token() });

      assert.deepEqual(await peer.next("auth"), [true]);
      await assertAuthenticated(peer);
    });

    for (const [what, payload] of Object.entries({
      "the id of somebody else": () => ({ id: "1", secretkey: token() }),
      "no id": () => ({ secretkey: token() }),
      "no secret key": () => ({ id: "42" }),
      "a good token that is not allowed": () => ({ id: "42", secretkey: token({ role: "guest" }) }),
      "a token without sub and no id": () => ({ secretkey: token({ sub: undefined }) }),
      "a string": () => token(),
      null: () => null,
    })) {
      test(`drops ${what}`, async (t) => {
        const peer = await visitor(t, initial);

        peer.emit("initialConnection", payload());

        await assertRefused(peer, "auth", [false]);
      });
    }

    for (const [what, make] of Object.entries(badTokens)) {
      test(`drops ${what}`, async (t) => {
        const peer = await visitor(t, initial);

        peer.emit("initialConnection", { id: "42", secretkey: make() });

        await assertRefused(peer, "auth", [false]);
      });
    }

    test("drops a silent socket at the deadline", async (t) => {
      const peer = await visitor(t, hastyInitial);

      await assertRefused(peer, "auth", [false]);
    });
  });
}
