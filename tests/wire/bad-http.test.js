// Requests that are refused, from a wrong query to framing that could be read in two ways.
import assert from "node:assert/strict";
import { test } from "node:test";

import { withCanaries } from "./kit/canary.js";
import { Connection } from "./kit/connection.js";
import { request } from "./kit/http.js";
import { Polling, errorBody, RS } from "./kit/polling.js";
import { serverFor, sockeyeOnly } from "./kit/suite.js";
import { WebSocketClient } from "./kit/websocket.js";
import { expected, TARGET } from "./servers.js";
import { AMBIGUOUS_REQUESTS, REFUSED_QUERIES, REFUSED_UPGRADES } from "./tables/requests.js";

const server = serverFor("wire");
withCanaries(server);

const LIMIT = 1_000_000;
const echoed = async (session, text) => {
  assert.equal((await session.post(`4${text}`)).body, "ok");
  assert.equal((await session.poll()).body, `4${text}`);
};

for (const path of ["/engine.io/", "/socket.io/"]) {
  for (const { query, code, name } of REFUSED_QUERIES) {
    test(`GET ${path}: ${name ?? `?${query}`} is code ${code}`, async () => {
      const response = await request(server, { target: `${path}?${query}` });

      assert.deepEqual([response.status, response.body], [400, errorBody(code)]);
      assert.equal(response.headers["content-type"], "application/json");
    });
  }
}

for (const { query, message, nodeAccepts } of REFUSED_UPGRADES) {
  test(`upgrade ?${query} is refused`, async () => {
    const { client, response, connection } = await WebSocketClient.attempt(server, { query });

    if (nodeAccepts && TARGET === "node") return client.closed;
    assert.equal(response.status, 400);
    assert.ok(response.body.includes(message), response.body);
    connection.destroy();
  });
}

for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
  test(`${method} without a sid is a bad handshake method`, async () => {
    const response = await request(server, { method, target: "/engine.io/?EIO=4&transport=polling", body: "" });

    assert.deepEqual([response.status, response.body], [400, errorBody(2)]);
  });

  test(`${method} with an empty sid is a bad handshake method`, async () => {
    const response = await request(server, { method, target: "/engine.io/?EIO=4&transport=polling&sid=", body: "" });

    assert.deepEqual([response.status, response.body], [400, errorBody(2)]);
  });
}

test("the method comes before the revision, and the transport before the method", async () => {
  const revision = await request(server, { method: "POST", target: "/engine.io/?EIO=3&transport=polling", body: "" });
  const transport = await request(server, { method: "POST", target: "/engine.io/?EIO=3&transport=abc", body: "" });
  const websocket = await request(server, { method: "POST", target: "/engine.io/?EIO=4&transport=websocket", body: "" });

  assert.deepEqual([revision, transport, websocket].map(({ body }) => body), [errorBody(2), errorBody(0), errorBody(2)]);
});

test("HEAD without a sid is refused without a body", async () => {
  const response = await request(server, { method: "HEAD", target: "/engine.io/?EIO=4&transport=polling" });

  assert.deepEqual([response.status, response.body], [400, ""]);
});

for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]) {
  test(`${method} with a sid is not allowed, and the session lives`, async () => {
    const session = await Polling.open(server);

    const response = await request(server, { method, target: session.target });

    assert.equal(response.status, expected({ sockeye: 405, node: 500 }));
    assert.equal(response.headers.allow, expected({ sockeye: "GET, POST", node: undefined }));
    assert.equal(response.body, "");
    await echoed(session, "still here");
  });
}

for (const [name, size] of [["one byte", 1], ["a whole megabyte", LIMIT]]) {
  test(`a body ${name} over the limit is 413, closes the connection and leaves the session`, async () => {
    const session = await Polling.open(server);
    const connection = await Connection.open(server);

    connection.write(post(session, `Content-Length: ${LIMIT + size}\r\n`) + "4".padEnd(LIMIT + size, "x"));
    const response = await connection.response();

    assert.deepEqual([response.status, response.body], [413, ""]);
    if (TARGET === "sockeye") await connection.ended;
    connection.destroy();
    await echoed(session, "still here");
  });
}

test("a poll that waits is not disturbed by a 413", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();

  const response = await session.post("4".padEnd(LIMIT + 1, "x"));
  await session.post("4after");

  assert.equal(response.status, 413);
  assert.equal((await pending).body, "4after");
});

test("a body of exactly the limit is accepted", async () => {
  const session = await Polling.open(server);
  const message = "x".repeat(LIMIT - 1);

  await echoed(session, message);
});

test("the limit counts bytes, not characters", async () => {
  const session = await Polling.open(server);

  const response = await session.post(`4${"é".repeat(LIMIT / 2)}`);

  assert.equal(response.status, 413);
  await echoed(session, "é".repeat(LIMIT / 2 - 1));
});

sockeyeOnly("an announced gigabyte is refused before a byte of it", "Node counts what arrives", async () => {
  const session = await Polling.open(server);
  const connection = await Connection.open(server);

  connection.write(post(session, "Content-Length: 1000000000\r\n"));
  const response = await connection.response();

  assert.equal(response.status, 413);
  await connection.ended;
  await echoed(session, "still here");
});

test("chunks over the limit are 413", async () => {
  const session = await Polling.open(server);
  const connection = await Connection.open(server);
  const chunk = `10000\r\n${"4".padEnd(0x10000, "x")}\r\n`;

  connection.write(post(session, "Transfer-Encoding: chunked\r\n"));
  connection.write(chunk.repeat(16));
  const response = await connection.response();

  assert.deepEqual([response.status, response.body], [413, ""]);
  if (TARGET === "sockeye") await connection.ended;
  connection.destroy();
  await echoed(session, "still here");
});

test("chunks within the limit are a body like any other", async () => {
  const session = await Polling.open(server);
  const connection = await Connection.open(server);

  connection.write(`${post(session, "Transfer-Encoding: chunked\r\n")}3\r\n4he\r\n3;x=y\r\nllo\r\n0\r\n\r\n`);
  const response = await connection.response();

  assert.deepEqual([response.status, response.body], [200, "ok"]);
  assert.equal((await session.poll()).body, "4hello");
  connection.destroy();
});

test("4,096 packets in a payload are accepted", async () => {
  const session = await Polling.open(server);

  await session.post(Array(4096).fill("6").join(RS));

  await echoed(session, "still here");
});

for (const [name, body] of [
  ["4,097 packets", Array(4097).fill("6").join(RS)],
  ["a megabyte of noops", Array(LIMIT / 2).fill("6").join(RS)],
]) {
  sockeyeOnly(`${name} in a payload are 400 and end the session`, "Node has no such limit", async () => {
    const session = await Polling.open(server);

    const response = await session.post(body);

    assert.equal(response.status, 400);
    assert.equal((await session.poll()).body, errorBody(1));
  });
}

test("a megabyte of separators ends the session", async () => {
  const session = await Polling.open(server);

  const response = await session.post(RS.repeat(LIMIT));

  assert.ok([200, 400].includes(response.status));
  assert.equal((await session.poll()).status, 400);
});

for (const [name, bytes] of [
  ["FF FE", [0x34, 0xff, 0xfe]],
  ["an overlong form", [0x34, 0xc0, 0x80]],
  ["a surrogate", [0x34, 0xed, 0xa0, 0x80]],
  ["half a character", [0x34, 0xe2, 0x82]],
]) {
  sockeyeOnly(`a body with ${name} instead of UTF-8 ends the session`, "Node puts U+FFFD in its place", async () => {
    const session = await Polling.open(server);

    const response = await session.post(Buffer.from(bytes));

    assert.ok([200, 400].includes(response.status));
    assert.equal((await session.poll()).status, 400);
  });
}

test("a body that ends early delivers nothing and ends the session", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();
  const connection = await Connection.open(server);

  connection.write(`${post(session, "Content-Length: 1000\r\n")}4partial`);
  await echoed(await Polling.open(server), "the server got there");
  connection.destroy();

  const { status, body } = await pending;
  assert.deepEqual([status, body], [200, "1"]);
  assert.equal((await session.poll()).body, errorBody(1));
});

for (const { name, bytes, late, lenient } of AMBIGUOUS_REQUESTS) {
  test(`a request with ${name} is 400 and ends the connection`, async () => {
    const session = await Polling.open(server);
    const connection = await Connection.open(server);
    const smuggled = `GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

    connection.write(bytes.replaceAll("SID", session.sid) + smuggled);
    const response = await connection.response();

    if (lenient && response?.status === 200) return connection.destroy();
    assert.ok(response?.status === 400 || (late && response === null), `${response?.status}`);
    const second = await connection.response().catch(() => "the connection is left open");
    assert.equal(second, null, "nothing behind it is answered");
    connection.destroy();
  });
}

for (const count of [101, 2001]) {
  test(`${count} headers before Upgrade cannot hide it`, async () => {
    const headers = Object.fromEntries(Array.from({ length: count }, (_item, index) => [`X-${index}`, "1"]));

    const { client, response, connection } = await WebSocketClient.attempt(server, {
      headers: { Upgrade: undefined, ...headers, upgrade: "websocket" },
    });

    if (count === 2001 || TARGET === "sockeye") assert.ok([400, 431].includes(response?.status), `${response?.status}`);
    client?.destroy();
    connection.destroy();
  });
}

for (const [name, target, headers] of [
  ["a request line", `/engine.io/?EIO=4&transport=polling&t=${"t".repeat(200_000)}`, {}],
  ["a header", "/engine.io/?EIO=4&transport=polling", { "X-Long": "x".repeat(200_000) }],
]) {
  test(`${name} of 200 kB is refused`, async () => {
    const connection = await Connection.open(server);
    const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}\r\n`).join("");

    connection.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines}\r\n`);
    const response = await connection.response();

    assert.ok([400, 414, 431].includes(response?.status), `${response?.status}`);
    await connection.ended;
  });
}

test("refused upgrades that reset the connection leave the server unharmed", async () => {
  const attempts = Array.from({ length: 200 }, async () => {
    const connection = await Connection.open(server);
    connection.write("GET /engine.io/?EIO=4&transport=websocket&sid=x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
      + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    connection.destroy({ reset: true });
  });

  await Promise.all(attempts);

  assert.ok(server.alive());
});

function post(session, headers) {
  return `POST ${session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`;
}
