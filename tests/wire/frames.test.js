// WebSocket frames below the packets: what breaks the protocol, and what is legal and rare.
import assert from "node:assert/strict";
import { test } from "node:test";

import WebSocket from "ws";

import { withCanaries } from "./kit/canary.js";
import { Connection } from "./kit/connection.js";
import { deferred } from "./kit/queue.js";
import { serverFor, sockeyeOnly } from "./kit/suite.js";
import { closePayload, frame, message, Opcode, upgradeRequest, WebSocketClient } from "./kit/websocket.js";
import { within } from "./kit/within.js";
import { TARGET } from "./servers.js";

const server = serverFor("wire");
withCanaries(server);

const { TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG } = Opcode;
const LIMIT = 1_000_000;

const FATAL = [
  ["the first reserved bit", 1002, frame({ payload: "4a", rsv: 4 })],
  ["the second reserved bit", 1002, frame({ payload: "4a", rsv: 2 })],
  ["the third reserved bit", 1002, frame({ payload: "4a", rsv: 1 })],
  ["reserved bits on an empty text", 1002, frame({ first: 0xb1 })],
  ["opcode 3", 1002, frame({ opcode: 3, payload: "4a" })],
  ["opcode 11", 1002, frame({ opcode: 11, payload: "4a" })],
  ["no mask", 1002, frame({ payload: "4a", masked: false })],
  ["a ping of 126 bytes", 1002, frame({ opcode: PING, payload: "p".repeat(126) })],
  ["a fragmented ping", 1002, frame({ opcode: PING, fin: false })],
  ["a continuation of nothing", 1002, frame({ opcode: CONTINUATION, payload: "4a" })],
  ["a text inside another", 1002, Buffer.concat([frame({ payload: "4a", fin: false }), frame({ payload: "4b" })])],
  ["a close frame of one byte", 1002, frame({ opcode: CLOSE, payload: Buffer.from([3]) })],
  ["close code 999", 1002, frame({ opcode: CLOSE, payload: closePayload(999) })],
  ["close code 1005", 1002, frame({ opcode: CLOSE, payload: closePayload(1005) })],
  ["close code 1006", 1002, frame({ opcode: CLOSE, payload: closePayload(1006) })],
  ["close code 5000", 1002, frame({ opcode: CLOSE, payload: closePayload(5000) })],
  ["a close reason that is not UTF-8", 1007, frame({ opcode: CLOSE, payload: Buffer.from([3, 0xe8, 0xff]) })],
  ["text that is not UTF-8", 1007, frame({ payload: Buffer.from([0x34, 0xff, 0xfe]) })],
  ["an overlong form", 1007, frame({ payload: Buffer.from([0x34, 0xc0, 0x80]) })],
  ["a surrogate", 1007, frame({ payload: Buffer.from([0x34, 0xed, 0xa0, 0x80]) })],
  ["text that ends in half a character", 1007, frame({ payload: Buffer.from([0x34, 0xe2, 0x82]) })],
  ["an announced length just over the limit", 1009, frame({ length: LIMIT + 1 })],
  ["an announced length of 2^31", 1009, frame({ length: 2n ** 31n })],
  ["an announced length of 2^53", 1009, frame({ length: 2n ** 53n })],
  ["an announced length of 2^63 - 1", 1009, frame({ length: 2n ** 63n - 1n })],
  ["text over the limit", 1009, frame({ payload: "4".padEnd(LIMIT + 1, "x") })],
  ["binary over the limit", 1009, frame({ opcode: BINARY, payload: Buffer.alloc(LIMIT + 1) })],
  ["fragments that add up to more than the limit", 1009, fragments("4".padEnd(LIMIT + 1, "x"), 3)],
];

const opened = async (options) => {
  const client = await WebSocketClient.open(server, options);
  assert.match(await client.packet(), /^0{"sid":/);
  return client;
};
const echoes = async (client, text = "still here") => {
  client.send(`4${text}`);
  assert.equal(await client.packet(), `4${text}`);
};

for (const [name, code, bytes] of FATAL) {
  test(`${name} closes with ${code}`, async () => {
    const client = await opened();

    client.connection.write(bytes);

    assert.equal((await client.closed).code, code);
  });
}

test("an announced length of 2^64 - 1 closes", async () => {
  const client = await opened();

  client.connection.write(frame({ length: 2n ** 64n - 1n }));

  assert.ok([1002, 1009].includes((await client.closed).code));
});

for (const [name, fill] of [["one byte", "x"], ["no byte", ""]]) {
  test(`200,000 fragments of ${name} close`, async () => {
    const client = await opened();
    const continuation = frame({ opcode: CONTINUATION, payload: fill, fin: false });

    client.connection.write(frame({ payload: "4", fin: false }));
    client.connection.write(Buffer.concat(Array(200_000).fill(continuation)));

    assert.ok([1008, 1009].includes((await client.closed).code));
  });
}

sockeyeOnly("1,025 fragments close", "Node takes 131,072", async () => {
  const client = await opened();

  client.connection.write(fragments("4".padEnd(1025, "x"), 1025));

  assert.ok([1008, 1009].includes((await client.closed).code));
});

test("1,024 fragments are one message", async () => {
  const client = await opened();
  const text = "4".padEnd(1024, "x");

  client.connection.write(fragments(text, 1024));

  assert.equal(await client.packet(), text);
  client.destroy();
});

test("a character may be cut between two fragments", async () => {
  const client = await opened();

  client.connection.write(fragments("4€", 3));

  assert.equal(await client.packet(), "4€");
  client.destroy();
});

test("a ping between two fragments is answered, and the message is whole", async () => {
  const client = await opened();

  client.connection.write(frame({ payload: "4he", fin: false }));
  client.connection.write(frame({ opcode: PING, payload: "between" }));
  client.connection.write(frame({ opcode: CONTINUATION, payload: "llo" }));

  const pong = await client.frame();
  assert.deepEqual([pong.opcode, String(pong.payload)], [PONG, "between"]);
  assert.equal(await client.packet(), "4hello");
  client.destroy();
});

for (const size of [0, 1, 125]) {
  test(`a ping of ${size} bytes is answered with the same bytes`, async () => {
    const client = await opened();
    const payload = Buffer.from(Array.from({ length: size }, (_item, index) => index));

    client.connection.write(frame({ opcode: PING, payload }));

    const pong = await client.frame();
    assert.equal(pong.opcode, PONG);
    assert.deepEqual(pong.payload, payload);
    client.destroy();
  });
}

test("a pong that nobody asked for is ignored", async () => {
  const client = await opened();

  client.connection.write(frame({ opcode: PONG, payload: "hello" }));

  await echoes(client);
  client.destroy();
});

for (const [name, packet] of [
  ["text", "4".padEnd(LIMIT, "x")],
  ["binary", Buffer.alloc(LIMIT, 7)],
]) {
  test(`${name} of exactly the limit is accepted`, async () => {
    const client = await opened();

    client.send(packet);

    assert.deepEqual(await client.packet(), packet);
    client.destroy();
  });
}

test("a fragmented message of exactly the limit is accepted", async () => {
  const client = await opened();
  const packet = "4".padEnd(LIMIT, "x");

  client.connection.write(fragments(packet, 7));

  assert.equal(await client.packet(), packet);
  client.destroy();
});

for (const size of [0, 1, 125, 126, 127, 65_535, 65_536]) {
  test(`binary of ${size} bytes comes back the same`, async () => {
    const client = await opened();
    const packet = Buffer.alloc(size, 0x34);

    client.send(packet);

    assert.deepEqual(await client.packet(), packet);
    client.destroy();
  });
}

test("a message that arrives byte by byte is one message", async () => {
  const client = await opened();

  for (const byte of message("4hello")) {
    client.connection.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }

  assert.equal(await client.packet(), "4hello");
  client.destroy();
});

test("frames of one segment are handled in order", async () => {
  const client = await opened();
  const packets = Array.from({ length: 100 }, (_item, index) => `4${index}`);

  client.send(...packets);

  for (const packet of packets) assert.equal(await client.packet(), packet);
  client.destroy();
});

for (const code of [undefined, 1000, 1001, 4000]) {
  test(`a client's close frame with ${code ?? "no code"} is echoed`, async () => {
    const client = await opened();

    client.close(code);

    assert.equal((await client.closed).code, code ?? 1005);
  });
}

for (const [name, provoke] of [
  ["the server's", (client) => client.send("garbage")],
  ["the client's", (client) => client.close(1000)],
]) {
  test(`the stream ends soon once ${name} close frame is answered`, async () => {
    const client = await opened();
    const start = performance.now();

    provoke(client);
    await client.closed;
    await client.connection.ended;

    assert.ok(performance.now() - start < 1500);
  });
}

sockeyeOnly("a frame in the segment of the upgrade request is served", "Node loses it", async () => {
  const client = await opened({ early: message("4early") });

  assert.equal(await client.packet(), "4early");
  client.destroy();
});

test("a bad frame in the segment of the upgrade request closes only that connection", async () => {
  const { client } = await WebSocketClient.attempt(server, { early: frame({ first: 0xb1 }) });

  const { code } = await client.closed;

  if (TARGET === "sockeye") assert.equal(code, 1002);
});

test("no extension is agreed on", async () => {
  const client = await opened({ headers: { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" } });

  assert.equal(client.headers["sec-websocket-extensions"], undefined);
  client.destroy();
});

for (const value of ["constructor", "__proto__; a", "permessage-deflate; client_max_window_bits=99999", ";".repeat(4000), 'a; b="']) {
  test(`the extension header ${value.slice(0, 30)} is no error of the server`, async () => {
    const { client, response } = await WebSocketClient.attempt(server, { headers: { "Sec-WebSocket-Extensions": value } });

    if (client) assert.equal(client.headers["sec-websocket-extensions"], undefined);
    else assert.equal(response.status, 400);
    client?.destroy();
  });
}

test("the first offered subprotocol is agreed on", async () => {
  const client = await opened({ headers: { "Sec-WebSocket-Protocol": "foo, bar" } });

  assert.equal(client.headers["sec-websocket-protocol"], "foo");
  client.destroy();
});

for (const [name, value] of [["spaces", `a${" ".repeat(6000)}b`], ["commas", ",".repeat(6000)]]) {
  test(`a subprotocol header of 6,000 ${name} is no error of the server`, async () => {
    const { client, response } = await WebSocketClient.attempt(server, { headers: { "Sec-WebSocket-Protocol": value } });

    assert.ok(client || response.status === 400, `${response?.status}`);
    client?.destroy();
  });
}

for (const [name, headers] of [
  ["version 12", { "Sec-WebSocket-Version": "12" }],
  ["no version", { "Sec-WebSocket-Version": undefined }],
  ["no key", { "Sec-WebSocket-Key": undefined }],
  ["a short key", { "Sec-WebSocket-Key": "abc" }],
]) {
  test(`an upgrade request with ${name} is refused`, async () => {
    const connection = await Connection.open(server);

    connection.write(upgradeRequest("/engine.io/?EIO=4&transport=websocket", headers));
    const response = await connection.response();

    assert.ok([400, 426].includes(response.status), `${response.status}`);
    connection.destroy();
  });
}

for (const headers of [{ Connection: "keep-alive, Upgrade" }, { Connection: "upgrade" }, { Upgrade: "WebSocket" }]) {
  test(`an upgrade request with ${JSON.stringify(headers)} is accepted`, async () => {
    const client = await opened({ headers });

    await echoes(client);
    client.destroy();
  });
}

for (const path of ["/", "/engine.io", "/other/"]) {
  test(`an upgrade request for ${path} is not the engine's`, async () => {
    const { client, response } = await WebSocketClient.attempt(server, { path });

    assert.equal(client, undefined);
    // Node ends the connection after a second, without a word.
    assert.ok([404, undefined].includes(response?.status), `${response?.status}`);
  });
}

for (const [name, path, query] of [
  ["Engine.IO", "/engine.io/", "EIO=4&transport=websocket"],
  ["Socket.IO", "/socket.io/", "EIO=4&transport=websocket"],
]) {
  test(`a stock WebSocket library speaks to ${name}`, async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}?${query}`);
    const [first, closed] = [deferred(), deferred()];
    socket.once("message", (data) => first.resolve(String(data))).once("close", closed.resolve).once("error", first.reject);

    assert.match(await within(first.promise, "the open packet"), /^0{"sid":/);

    socket.close(1000);
    assert.equal(await within(closed.promise, "the close"), 1000);
  });
}

function fragments(text, count) {
  const bytes = Buffer.from(text);
  const size = Math.ceil(bytes.length / count);
  return Buffer.concat(Array.from({ length: count }, (_item, index) => frame({
    opcode: index === 0 ? TEXT : CONTINUATION,
    payload: bytes.subarray(index * size, (index + 1) * size),
    fin: index === count - 1,
  })));
}
