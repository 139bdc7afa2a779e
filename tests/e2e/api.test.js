// The internal listener: who is reached by an emission, how many are counted, and what is refused.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import * as consumers from "node:stream/consumers";
import { beforeEach, describe, test } from "node:test";
import { connected, member, ways } from "./kit/client.js";
import { onlySockeye, start } from "./kit/server.js";
import { API_KEY, token } from "./kit/tokens.js";
import { within } from "./kit/wait.js";

const server = await start({
  namespaces: ["/", "/second"],
  auth: { rooms: ["user:{sub}", "role:{role}", "ALL"] },
  client: { join: ["room:*"] },
});
const { url } = server;

let subjects = 1000;
const freshUser = () => String(++subjects);

// Everything up to a marker sent to everyone has arrived: what is not there by then never comes.
async function settled(...peers) {
  const marker = `marker-${freshUser()}`;
  await server.emit({ event: marker, audience: "everyone" });
  await Promise.all(peers.map((peer) => peer.next(marker)));
}

// Emissions count every socket, so those of the test before must be gone.
async function empty() {
  while ((await server.emit({ event: "anybody", audience: "everyone" })) > 0);
}

const news = (peer) => peer.seen("new-notification");

for (const [way, transport] of Object.entries(ways)) {
  describe(`emissions to clients over ${way}`, () => suite(transport));
}

function suite(transport) {
  const user = (t, claims, path = "") => member(t, url + path, { ...transport, claims });
  const stranger = (t) => connected(t, url, transport);
  beforeEach(empty);

  test("reach every authenticated socket and no other by default", async (t) => {
    const [a, b, outside] = await Promise.all([user(t), user(t, { sub: freshUser(), role: "guest" }), stranger(t)]);

    const sockets = await server.emit({ event: "new-notification", args: [{ text: "hello 🐟" }, 2, null] });

    await settled(a, b, outside);
    assert.equal(sockets, 2);
    assert.deepEqual([news(a), news(b), news(outside)], [[[{ text: "hello 🐟" }, 2, null]], [[{ text: "hello 🐟" }, 2, null]], []]);
  });

  test("reach unauthenticated sockets when they are for everyone", async (t) => {
    const [inside, outside] = await Promise.all([user(t), stranger(t)]);

    const sockets = await server.emit({ event: "new-notification", audience: "everyone" });

    await settled(inside, outside);
    assert.equal(sockets, 2);
    assert.deepEqual([news(inside), news(outside)], [[[]], [[]]]);
  });

  test("reach a socket from the moment it is authenticated", async (t) => {
    const peer = await stranger(t);
    await server.emit({ event: "new-notification", args: ["before"] });

    await peer.ask("authentication", token());
    await server.emit({ event: "new-notification", args: ["after"] });

    assert.deepEqual(await peer.next("new-notification"), ["after"]);
  });

  test("reach the rooms that the claims of a token give", async (t) => {
    const sub = freshUser();
    const [a, again, b, editor] = await Promise.all([
      user(t, { sub }),
      user(t, { sub }),
      user(t, { sub: freshUser() }),
      user(t, { sub: freshUser(), role: "editor" }),
    ]);

    const counts = [];
    for (const [n, rooms] of [[`user:${sub}`], ["role:editor"], ["ALL"], ["user:nobody"]].entries()) {
      counts.push(await server.emit({ event: "new-notification", args: [n], rooms }));
    }

    await settled(a, again, b, editor);
    assert.deepEqual(counts, [2, 1, 4, 0]);
    assert.deepEqual([a, again, b, editor].map((peer) => news(peer).flat()), [[0, 2], [0, 2], [2], [1, 2]]);
  });

  test("give one copy to a socket that is in several of the rooms", async (t) => {
    const [a, b] = await Promise.all([user(t, { sub: freshUser() }), user(t, { sub: freshUser() })]);
    await a.join("room:x", "room:y");
    await b.join("room:y");

    const sockets = await server.emit({ event: "new-notification", rooms: ["room:x", "room:y", "room:y", "ALL"] });

    await settled(a, b);
    assert.equal(sockets, 2);
    assert.deepEqual([news(a), news(b)], [[[]], [[]]]);
  });

  test("spare the rooms excepted, whatever else the socket is in", async (t) => {
    const [a, b, c] = await Promise.all([user(t), user(t), user(t)]);
    await Promise.all([a.join("room:x", "room:quiet"), b.join("room:x"), c.join("room:quiet")]);

    const some = await server.emit({ event: "new-notification", args: [1], rooms: ["room:x"], except: ["room:quiet", "room:empty"] });
    const rest = await server.emit({ event: "new-notification", args: [2], except: ["room:quiet"] });
    const none = await server.emit({ event: "new-notification", args: [3], rooms: ["room:x"], except: ["room:x"] });

    await settled(a, b, c);
    assert.deepEqual([some, rest, none], [1, 1, 0]);
    assert.deepEqual([a, b, c].map((peer) => news(peer).flat()), [[], [1, 2], []]);
  });

  test("reach one socket by its id", async (t) => {
    const [a, b] = await Promise.all([user(t), user(t)]);

    const sockets = await server.emit({ event: "new-notification", rooms: [a.id] });

    await settled(a, b);
    assert.deepEqual([sockets, news(a).length, news(b).length], [1, 1, 0]);
  });

  test("do not reach a pending socket by its id", async (t) => {
    const outside = await stranger(t);

    const sockets = await server.emit({ event: "new-notification", rooms: [outside.id] });

    await settled(outside);
    assert.deepEqual([sockets, news(outside).length], [0, 0]);
  });

  test("stay in their namespace", async (t) => {
    const [main, second] = await Promise.all([user(t), user(t, {}, "/second")]);

    const sockets = await server.emit({ event: "new-notification", namespace: "/second" });

    await second.next("new-notification");
    await settled(main);
    assert.deepEqual([sockets, news(main).length], [1, 0]);
  });

  test("do not reach a room that was left", async (t) => {
    const peer = await user(t);
    await peer.join("room:x");
    await peer.ask("leave", "room:x");

    assert.equal(await server.emit({ event: "new-notification", rooms: ["room:x"] }), 0);
  });

  test("arrive in the order in which they were accepted", async (t) => {
    const peer = await user(t);

    for (let n = 0; n < 50; n += 1) {
      await server.emit({ event: "new-notification", args: [n], ...(n % 2 ? { rooms: ["ALL"] } : { audience: "everyone" }) });
    }

    await settled(peer);
    assert.deepEqual(news(peer).flat(), Array.from({ length: 50 }, (_, n) => n));
  });
}

const event = "new-notification";

describe("the emit API refuses", () => {
  const refusals = {
    "a call without a key": [{ event }, { key: null }, 401, "unauthorized"],
    "a wrong key": [{ event }, { key: "wrong" }, 401, "unauthorized"],
    "a key that only begins right": [{ event }, { key: API_KEY.slice(0, -1) }, 401, "unauthorized"],
    "an access token in place of the key": [{ event }, { key: token() }, 401, "unauthorized"],
    "the key in another scheme": [{ event }, { key: null, headers: { authorization: `Basic ${API_KEY}` } }, 401, "unauthorized"],
    "the key in the query": [{ event }, { key: null, path: `/api/emit?key=${API_KEY}` }, 401, "unauthorized"],
    "an empty body": ["", {}, 400, "bad_request"],
    "malformed JSON": ['{"event":', {}, 400, "bad_request"],
    "JSON with something after it": ['{"event":"a"} x', {}, 400, "bad_request"],
    "a list": [[], {}, 400, "bad_request"],
    "an unknown field": [{ event, room: "a" }, {}, 400, "bad_request"],
    "an unknown namespace": [{ event, namespace: "/nope" }, {}, 400, "bad_request"],
    "an unknown audience": [{ event, audience: "all" }, {}, 400, "bad_request"],
    "a missing event": [{ args: [] }, {}, 400, "bad_request"],
    "an event that is a number": [{ event: 1 }, {}, 400, "bad_request"],
    "args that are not a list": [{ event, args: {} }, {}, 400, "bad_request"],
    "rooms that are not a list": [{ event, rooms: "ALL" }, {}, 400, "bad_request"],
    "a room that is a number": [{ event, rooms: [1] }, {}, 400, "bad_request"],
    "a room of the server's own": [{ event, rooms: ["sockeye:authenticated"] }, {}, 400, "bad_request"],
    "a room of the server's own to spare": [{ event, except: ["sockeye:authenticated"] }, {}, 400, "bad_request"],
    "129 rooms": [{ event, rooms: Array.from({ length: 129 }, (_, n) => `room:${n}`) }, {}, 400, "bad_request"],
    "129 rooms to spare": [{ event, except: Array.from({ length: 129 }, (_, n) => `room:${n}`) }, {}, 400, "bad_request"],
    "a body of more than a mebibyte": [{ event, args: ["a".repeat(1_048_577)] }, {}, 413, "payload_too_large"],
    "another path": [{ event }, { path: "/api/nope" }, 404, "not_found"],
    "the root": [undefined, { path: "/", method: "GET" }, 404, "not_found"],
    "GET": [undefined, { method: "GET" }, 405, "method_not_allowed"],
    "PUT": [{ event }, { method: "PUT" }, 405, "method_not_allowed"],
    "POST to the health check": [{}, { path: "/health" }, 405, "method_not_allowed"],
  };
  for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
    refusals[`the reserved event ${name}`] = [{ event: name }, {}, 400, "bad_request"];
  }

  for (const [what, [body, options, status, code]] of Object.entries(refusals)) {
    test(what, async () => {
      const answer = await server.api(body, options);

      assert.equal(answer.status, status, JSON.stringify(answer));
      assert.deepEqual(Object.keys(answer.body), ["error"]);
      assert.equal(answer.body.error.code, code);
      assert.equal(typeof answer.body.error.message, "string");
      assert.ok(!JSON.stringify(answer.body).includes(API_KEY));
    });
  }
});

test("the emit API gives up a body that does not come", { skip: onlySockeye }, async (t) => {
  const hasty = await start({ limits: { body_timeout: "200ms" } }, t);
  const { hostname, port } = new URL(hasty.internal);
  const call = http.request({ hostname, port, method: "POST", path: "/api/emit", headers: { authorization: `Bearer ${API_KEY}`, "content-length": 100 } });
  call.on("error", () => {});
  call.write('{"event":');

  const [response] = await within("the answer", once(call, "response"));
  const answer = await consumers.json(response);

  assert.equal(response.statusCode, 408);
  assert.equal(response.headers.connection, "close");
  assert.equal(answer.error.code, "request_timeout");
});

describe("the emit API accepts", () => {
  test("the limits themselves", async () => {
    const empty = JSON.stringify({ event, args: [""] });
    const full = JSON.stringify({ event, args: ["a".repeat(1_048_576 - empty.length)] });

    assert.equal((await server.api(full)).status, 200);
    assert.equal((await server.api({ event, rooms: Array.from({ length: 128 }, (_, n) => `room:${n}`) })).status, 200);
  });

  test("any content type", async () => {
    await empty();

    const answer = await server.api({ event }, { headers: { "content-type": "text/plain" } });

    assert.deepEqual(answer, { status: 200, body: { result: { sockets: 0 } } });
  });
});

describe("the two listeners", () => {
  test("say on the internal one that the server is healthy", async () => {
    assert.deepEqual(await server.api(undefined, { path: "/health", method: "GET", key: null }), { status: 200, body: { status: "ok" } });
  });

  test("keep the API off the public one", async () => {
    const response = await fetch(`${url}/api/emit`, { method: "POST", headers: { authorization: `Bearer ${API_KEY}` }, body: JSON.stringify({ event }) });

    assert.equal(response.status, 404);
  });

  test("keep clients off the internal one", async () => {
    const response = await fetch(`${server.internal}/socket.io/?EIO=4&transport=polling`);

    assert.equal(response.status, 404);
  });

  test("keep the demo page and its secrets to development mode", async () => {
    const statuses = await Promise.all(["/", "/dev.json", "/app.js"].map(async (path) => (await fetch(url + path)).status));

    assert.deepEqual(statuses, [404, 404, 404]);
  });
});
