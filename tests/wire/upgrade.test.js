// The upgrade from polling to WebSocket: its steps, its wrong turns, and what must not get lost in it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { withCanaries } from "./kit/canary.js";
import { Connection } from "./kit/connection.js";
import { assertOutcome, oneOf } from "./kit/outcome.js";
import { errorBody, Polling, RS } from "./kit/polling.js";
import { roundTrips, serverFor, sockeyeOnly } from "./kit/suite.js";
import { message, WebSocketClient } from "./kit/websocket.js";
import { expected } from "./servers.js";

const server = serverFor("wire");
withCanaries(server);

const queryOf = (sid) => `EIO=4&transport=websocket&sid=${sid}`;
const candidateOf = (session, options) =>
  WebSocketClient.open(server, { path: session.path, query: queryOf(session.sid), ...options });

async function assertPollingWorks(session, text = "still here") {
  assert.equal((await session.post(`4${text}`)).body, "ok");
  assert.equal((await session.poll()).body, `4${text}`);
}

async function assertWebSocketWorks(client, text = "still here") {
  client.send(`4${text}`);
  assert.equal(await client.packet(), `4${text}`);
}

/** A second WebSocket is refused, or closed at once without a packet. */
async function assertRefused(sid) {
  const { client, response } = await WebSocketClient.attempt(server, { query: queryOf(sid) });
  if (!client) return assert.equal(response.status, 400);
  assert.equal((await client.closed).code, 1005);
  await assert.rejects(client.frame());
}

async function upgraded() {
  const session = await Polling.open(server);
  const client = await candidateOf(session);
  client.send("2probe");
  assert.equal(await client.packet(), "3probe");
  client.send("5");
  await assertWebSocketWorks(client, "upgraded");
  return { session, client };
}

test("the probe is answered first: no open packet comes on an upgrade", async () => {
  const session = await Polling.open(server);
  const client = await candidateOf(session);

  client.send("2probe");

  assert.equal(await client.packet(), "3probe");
  client.destroy();
});

test("a poll that waits during the probe is released by a noop", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();
  await roundTrips(server);
  const client = await candidateOf(session);

  client.send("2probe");

  assert.equal((await pending).body, "6");
  client.destroy();
});

test("polling goes on while the probe runs", async () => {
  const session = await Polling.open(server);
  const client = await candidateOf(session);
  client.send("2probe");
  assert.equal(await client.packet(), "3probe");

  await assertPollingWorks(session, "during the probe");

  client.send("5");
  await assertWebSocketWorks(client, "after it");
  client.destroy();
});

test("messages that wait for a poll are flushed to the WebSocket in order", async () => {
  const session = await Polling.open(server);
  await session.post(["4one", "4two", "bAQID"].join(RS));
  const client = await candidateOf(session);

  client.send("2probe", "5", "4three");

  assert.equal(await client.packet(), "3probe");
  assert.equal(await client.packet(), "4one");
  assert.equal(await client.packet(), "4two");
  assert.deepEqual(await client.packet(), Buffer.from([1, 2, 3]));
  assert.equal(await client.packet(), "4three");
  client.destroy();
});

test("a poll that waits when the upgrade is done is released", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();
  await roundTrips(server);
  const client = await candidateOf(session);

  client.send("2probe", "5");
  assert.equal(await client.packet(), "3probe");
  await assertWebSocketWorks(client);

  assertOutcome((await pending).body, expected({ sockeye: oneOf("6", "1"), node: "1" }));
  client.destroy();
});

test("an upgrade packet without a probe upgrades, or costs only the candidate", async () => {
  const session = await Polling.open(server);
  const client = await candidateOf(session);

  client.send("5", "4hello");

  const first = await client.packet().catch(() => null);
  if (first !== null) return assert.equal(first, "4hello");
  assert.equal(expected({ sockeye: "closes", node: "upgrades" }), "closes");
  await assertPollingWorks(session);
});

for (const packet of ["2foo", "2", "2prob", "40", "4hello", "1", "3", "3probe", "6", "garbage", Buffer.from([1]), ""]) {
  const name = Buffer.isBuffer(packet) ? "a binary message" : JSON.stringify(packet);
  test(`${name} instead of the probe costs only the candidate, and another may try`, async () => {
    const session = await Polling.open(server);
    const bad = await candidateOf(session);

    bad.send(packet);

    assert.equal((await bad.closed).code, 1005);
    await assertPollingWorks(session);
    const good = await candidateOf(session);
    good.send("2probe", "5");
    assert.equal(await good.packet(), "3probe");
    await assertWebSocketWorks(good);
    good.destroy();
  });
}

test("garbage after the probe costs only the candidate", async () => {
  const session = await Polling.open(server);
  const client = await candidateOf(session);

  client.send("2probe", "garbage");

  await client.closed;
  await assertPollingWorks(session);
});

for (const [name, leave] of [
  ["closes", (client) => client.close(1000)],
  ["vanishes", (client) => client.destroy()],
  ["breaks WebSocket", (client) => client.connection.write(Buffer.from([0xff, 0xff]))],
]) {
  test(`a candidate that ${name} after its probe leaves the session on polling`, async () => {
    const session = await Polling.open(server);
    const client = await candidateOf(session);
    client.send("2probe");
    assert.equal(await client.packet(), "3probe");

    leave(client);
    await client.closed;

    await assertPollingWorks(session);
    const again = await candidateOf(session);
    again.send("2probe", "5");
    assert.equal(await again.packet(), "3probe");
    await assertWebSocketWorks(again);
    again.destroy();
  });
}

test("a second candidate is refused while the first one probes", async () => {
  const session = await Polling.open(server);
  const client = await candidateOf(session);
  client.send("2probe");
  assert.equal(await client.packet(), "3probe");

  await assertRefused(session.sid);

  client.send("5");
  await assertWebSocketWorks(client);
  client.destroy();
});

test("a second WebSocket is refused after the upgrade", async () => {
  const { session, client } = await upgraded();

  await assertRefused(session.sid);

  await assertWebSocketWorks(client);
  client.destroy();
});

for (const method of ["GET", "POST"]) {
  test(`a polling ${method} after the upgrade is a bad request and harms nothing`, async () => {
    const { session, client } = await upgraded();

    const response = await (method === "GET" ? session.poll() : session.post("4hello"));

    assert.deepEqual([response.status, response.body], [400, errorBody(3)]);
    await assertWebSocketWorks(client);
    client.destroy();
  });
}

sockeyeOnly("a session that began on WebSocket cannot be taken over", "Node gives it away", async () => {
  const owner = await WebSocketClient.open(server);
  const { sid } = JSON.parse((await owner.packet()).slice(1));

  const { client, response } = await WebSocketClient.attempt(server, { query: queryOf(sid), early: message("2probe") });

  if (client) await client.closed;
  else assert.equal(response.status, 400);
  await assertWebSocketWorks(owner);
  owner.destroy();
});

test("polling requests with the sid of a WebSocket session are bad requests", async () => {
  const owner = await WebSocketClient.open(server);
  const { sid } = JSON.parse((await owner.packet()).slice(1));
  const session = new Polling(server, "/engine.io/", { body: `0{"sid":"${sid}"}` });

  const responses = [await session.poll(), await session.post("4hello")];

  for (const { status, body } of responses) assert.deepEqual([status, body], [400, errorBody(3)]);
  await assertWebSocketWorks(owner);
  owner.destroy();
});

sockeyeOnly("the whole upgrade may be in the segment of its request", "Node loses the frames", async () => {
  const session = await Polling.open(server);

  const client = await candidateOf(session, { early: Buffer.concat(["2probe", "5", "4hello"].map(message)) });

  assert.equal(await client.packet(), "3probe");
  assert.equal(await client.packet(), "4hello");
  client.destroy();
});

test("a session that closes during the probe closes its candidate", async () => {
  const session = await Polling.open(server);
  const client = await candidateOf(session);
  client.send("2probe");
  assert.equal(await client.packet(), "3probe");

  await session.post("garbage");

  await client.closed;
  assert.deepEqual([(await session.poll()).body], [errorBody(1)]);
});

sockeyeOnly("a post that is being read when the upgrade is done still counts", "Node drops it", async () => {
  const session = await Polling.open(server);
  const connection = await Connection.open(server);
  const client = await candidateOf(session);
  connection.write(`POST ${session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 7\r\n\r\n4he`);
  client.send("2probe", "5");
  assert.equal(await client.packet(), "3probe");
  await assertWebSocketWorks(client, "over WebSocket");

  connection.write("llo!");

  const response = await connection.response();
  if (response?.status === 200) assert.equal(await client.packet(), "4hello!");
  // Nobody may be told ok for what was dropped.
  else assert.ok(response === null || response.status === 400, `${response?.status}`);
  await assertWebSocketWorks(client);
  client.destroy();
});

test("nothing is lost, doubled or reordered across an upgrade", async () => {
  const session = await Polling.open(server);
  const numbers = (from, to) => Array.from({ length: to - from }, (_item, index) => `4${from + index}`);
  await session.post(numbers(0, 100).join(RS));
  const polled = (await session.poll()).body.split(RS);
  await session.post(numbers(100, 200).join(RS));
  const client = await candidateOf(session);
  client.send("2probe");
  assert.equal(await client.packet(), "3probe");
  await session.post(numbers(200, 300).join(RS));

  client.send("5", ...numbers(300, 400));

  for (const packet of numbers(100, 400)) assert.equal(await client.packet(), packet);
  assert.deepEqual(polled, numbers(0, 100));
  client.destroy();
});

test("a socket keeps its id and its rooms across the upgrade", async () => {
  const session = await Polling.open(server, { path: "/socket.io/" });
  await session.post("40");
  assert.match((await session.poll()).body, /^40{"sid":/);
  await session.post('420["join","room across"]');
  const client = await candidateOf(session);
  client.send("2probe", "5", '421["join","another"]');

  const packets = [];
  while (!packets.includes('431["another"]')) packets.push(await client.packet());

  assert.deepEqual(packets.filter((packet) => !packet.startsWith('42["auth"')), ["3probe", '430["room across"]', '431["another"]']);
  client.destroy();
});

test("the handshake is that of the first request, after the upgrade too", async () => {
  const query = "EIO=4&transport=polling&t=abc&room=1&room=2";
  const session = await Polling.open(server, { path: "/socket.io/", query, headers: { Origin: "https://a.example" } });
  await session.post("40");
  assert.match((await session.poll()).body, /^40{"sid":/);
  const client = await candidateOf(session);

  client.send("2probe", "5", '421["handshake"]');

  let answer = "";
  while (!answer.startsWith("431")) answer = await client.packet();
  assert.deepEqual(JSON.parse(answer.slice(3)), [
    {
      query: { EIO: "4", transport: "polling", t: "abc", room: "2" },
      url: `/socket.io/?${query}`,
      xdomain: true,
      secure: false,
    },
  ]);
  client.destroy();
});

sockeyeOnly("a poll and the upgrade at once, two hundred times, lose nothing", "Node answers some of them with nothing", async () => {
  for (let round = 0; round < 200; round += 1) {
    const session = await Polling.open(server);
    const client = await candidateOf(session);
    const pending = session.poll();
    client.send("2probe", "5", `4round ${round}`);

    assert.equal(await client.packet(), "3probe");
    assert.equal(await client.packet(), `4round ${round}`);
    const { status, body } = await pending;
    assert.ok(status === 200 ? ["6", "1"].includes(body) : body === errorBody(3), `${status} ${body}`);
    client.destroy();
  }
});
