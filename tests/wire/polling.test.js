// Long-polling as a client sees it: the open packet, what a poll carries, overlaps and ends.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "./kit/connection.js";
import { request } from "./kit/http.js";
import { errorBody, Polling, RS } from "./kit/polling.js";
import { roundTrips, serverFor, sockeyeOnly } from "./kit/suite.js";
import { expected } from "./servers.js";

const server = serverFor("wire");
const answer = ({ status, body }) => [status, body];
const gone = [400, errorBody(1)];
const handshake = (target) => request(server, { target });

test("the open packet has its keys in order and stands alone", async () => {
  const { body } = await handshake("/engine.io/?EIO=4&transport=polling");

  const { sid } = JSON.parse(body.slice(1));
  assert.equal(
    body,
    `0{"sid":"${sid}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
  );
});

for (const [name, target] of [
  ["an empty sid", "/engine.io/?EIO=4&transport=polling&sid="],
  ["unknown keys", "/engine.io/?t=abc&EIO=4&x=1&transport=polling&b64=1"],
  ["a key without a value", "/engine.io/?x&EIO=4&transport=polling"],
  ["two transports, the last one good", "/engine.io/?EIO=4&transport=websocket&transport=polling"],
  ["two revisions, the last one good", "/engine.io/?EIO=3&EIO=4&transport=polling"],
  ["an escaped transport", "/engine.io/?EIO=4&transport=%70olling"],
  ["a longer path", "/engine.io/anything?EIO=4&transport=polling"],
  ["a deeper path", "/engine.io/a/b/?EIO=4&transport=polling"],
  ["a sid in another case", "/engine.io/?EIO=4&transport=polling&SID=chosen"],
]) {
  test(`a handshake with ${name} opens a session`, async () => {
    const response = await handshake(target);

    assert.equal(response.status, 200);
    assert.match(response.body, /^0{"sid":"[\w-]{20,}"/);
  });
}

for (const target of ["/", "/engine.io", "/engine.ioo/", "//engine.io/", "/ENGINE.IO/", "/engine%2eio/", "/other/"]) {
  test(`${target} is not the engine's path`, async () => {
    const response = await handshake(`${target}?EIO=4&transport=polling`);

    assert.equal(response.status, 404);
  });
}

test("sids differ, are long, and are never the client's choice", async () => {
  const sessions = await Promise.all(Array.from({ length: 200 }, () => Polling.open(server)));
  const sids = sessions.map(({ sid }) => sid);

  assert.equal(new Set(sids).size, 200);
  for (const sid of sids) assert.match(sid, /^[\w-]{20,}$/);
  const cookie = await Polling.open(server, { headers: { Cookie: "io=chosenchosenchosench" } });
  assert.notEqual(cookie.sid, "chosenchosenchosench");
});

test("a session of one path is unknown at the other", async () => {
  const session = await Polling.open(server);

  const response = await request(server, { target: session.target.replace("engine.io", "socket.io") });

  assert.deepEqual(answer(response), gone);
});

test("the rest of the path may change during a session", async () => {
  const session = await Polling.open(server);

  const posted = await request(server, {
    method: "POST",
    target: session.target.replace("/engine.io/", "/engine.io/else"),
    body: "4hello",
  });

  assert.deepEqual(answer(posted), [200, "ok"]);
  assert.equal((await session.poll()).body, "4hello");
});

test("a request of another revision is a bad request or no matter, and the session lives", async () => {
  const session = await Polling.open(server);

  const posted = await request(server, { method: "POST", target: session.target.replace("EIO=4&", ""), body: "4hello" });

  // Engine.IO did not look before 6.6.12, and no client changes its mind.
  if (posted.status !== 200) {
    assert.deepEqual(answer(posted), [400, errorBody(3)]);
    await session.post("4hello");
  }
  assert.equal((await session.poll()).body, "4hello");
});

test("a request of another transport is a bad request", async () => {
  const session = await Polling.open(server);

  const response = await handshake(`/engine.io/?EIO=4&transport=websocket&sid=${session.sid}`);

  assert.deepEqual(answer(response), [400, errorBody(3)]);
  await session.post("4hello");
  assert.equal((await session.poll()).body, "4hello");
});

test("a waiting poll is answered when there is something", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();
  await roundTrips(server);

  await session.post("4hello");

  assert.deepEqual(answer(await pending), [200, "4hello"]);
});

test("one poll carries everything that was waiting", async () => {
  const session = await Polling.open(server);

  for (const text of ["4a", "4b", "bAQID", "4€😀"]) await session.post(text);

  assert.equal((await session.poll()).body, ["4a", "4b", "bAQID", "4€😀"].join(RS));
});

test("a payload is not bounded on its way to the client", async () => {
  const session = await Polling.open(server);
  const large = `4${"x".repeat(450_000)}`;

  await session.post(large);
  await session.post(large);

  assert.equal((await session.poll()).body, [large, large].join(RS));
});

sockeyeOnly("requests pipelined on one connection are answered in order", "Node takes them for overlapping", async () => {
  const session = await Polling.open(server);
  const connection = await Connection.open(server);
  const head = `${session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\n`;

  connection.write(`POST ${head}Content-Length: 2\r\n\r\n4aPOST ${head}Content-Length: 2\r\n\r\n4bGET ${head}\r\n`);

  assert.equal((await connection.response()).body, "ok");
  assert.equal((await connection.response()).body, "ok");
  assert.equal((await connection.response()).body, `4a${RS}4b`);
  connection.destroy();
});

test("a length counts bytes: what follows is the next request", async () => {
  const session = await Polling.open(server);
  const connection = await Connection.open(server);
  const body = "4€€€";
  const head = `POST ${session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\n`;

  connection.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  connection.write(`GET ${session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);

  assert.equal((await connection.response()).body, "ok");
  assert.equal((await connection.response()).body, body);
  connection.destroy();
});

test("two polls at once end the session: one is told, the other is refused", async () => {
  const session = await Polling.open(server);
  const first = session.poll();
  await roundTrips(server);

  const second = await session.poll();

  assert.deepEqual([answer(await first), answer(second)], [[200, "1"], [400, ""]]);
  assert.deepEqual(answer(await session.poll()), gone);
});

test("two posts at once end the session: both are refused", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();
  const connection = await Connection.open(server);
  connection.write(`POST ${session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n4hel`);
  await roundTrips(server);

  const second = await session.post("4hello");

  assert.deepEqual(answer(second), [400, ""]);
  assert.deepEqual(answer(await pending), [200, "1"]);
  connection.write("lo!!!!!!");
  const first = await connection.response();
  assert.ok(first === null || first.status === 400, `${first?.status}`);
  connection.destroy();
  assert.deepEqual(answer(await session.poll()), gone);
});

test("a poll whose client went away leaves no doubt about the session", async () => {
  const session = await Polling.open(server);
  const dropped = session.poll();
  await roundTrips(server);
  dropped.abort();
  await assert.rejects(dropped);
  await roundTrips(server);

  const posted = await session.post("4hello");

  // Node ends the session; to hold it for the next poll is kinder and as safe. Nothing may hang.
  if (posted.status === 200) assert.deepEqual(answer(await session.poll()), [200, "4hello"]);
  else assert.deepEqual(answer(posted), gone);
});

for (const type of ["text/plain", "text/plain;charset=UTF-8", "application/json", "application/x-www-form-urlencoded", "application/octet-stream; x=y"]) {
  test(`a body of type ${type} is read as text`, async () => {
    const session = await Polling.open(server);

    await session.post("4hello", { headers: { "Content-Type": type } });

    assert.equal((await session.poll()).body, "4hello");
  });
}

test("a body of type application/octet-stream is refused and ends the session", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();
  await roundTrips(server);

  const posted = await session.post("4hello", { headers: { "Content-Type": "application/octet-stream" } });

  assert.deepEqual(answer(posted), [400, ""]);
  assert.deepEqual(answer(await pending), [200, "1"]);
  assert.deepEqual(answer(await session.poll()), gone);
});

sockeyeOnly("a compressed body is refused, never inflated", "Node reads it as text", async () => {
  const session = await Polling.open(server);

  const posted = await session.post("4hello", { headers: { "Content-Encoding": "gzip" } });

  assert.equal(posted.status, 415);
});

for (const body of ["garbage", "9", "", RS, "2", `4a${RS}`]) {
  test(`the post of a bad payload (${JSON.stringify(body)}) is answered ok, and the session is gone`, async () => {
    const session = await Polling.open(server);

    const posted = await session.post(body);

    assert.deepEqual(answer(posted), [200, "ok"]);
    assert.deepEqual(answer(await session.poll()), gone);
  });
}

test("a bad payload answers the waiting poll with a close packet", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();
  await roundTrips(server);

  await session.post("garbage");

  assert.deepEqual(answer(await pending), [200, "1"]);
  assert.deepEqual(answer(await session.poll()), gone);
});

test("a client's close drops the rest of its payload", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();
  await roundTrips(server);

  const posted = await session.post(`1${RS}4hello`);

  assert.deepEqual(answer(posted), [200, "ok"]);
  assert.deepEqual(answer(await pending), [200, "6"]);
  assert.deepEqual(answer(await session.poll()), gone);
  assert.deepEqual(answer(await session.post("4hello")), gone);
});

const joined = async () => {
  const session = await Polling.open(server, { path: "/socket.io/" });
  await session.post("40");
  const body = (await session.poll()).body;
  assert.match(body, /^40{"sid":/);
  if (!body.includes('42["auth"')) assert.equal((await session.poll()).body, '42["auth",{}]');
  return session;
};

test("a server's close with no poll waiting is told to the next one, once", async () => {
  const session = await joined();

  assert.deepEqual(answer(await session.post("42{}")), [200, "ok"]);

  assert.deepEqual(answer(await session.poll()), [200, `6${RS}1`]);
  assert.deepEqual(answer(await session.poll()), gone);
});

test("a server's close with a poll waiting answers it", async () => {
  const session = await joined();
  const pending = session.poll();
  await roundTrips(server);

  await session.post("42{}");

  assert.deepEqual(answer(await pending), [200, "1"]);
  assert.deepEqual(answer(await session.poll()), gone);
});

test("a server's disconnect is delivered before its close", async () => {
  const session = await joined();

  await session.post('42["kick-close"]');

  assert.deepEqual(answer(await session.poll()), [200, "41"]);
  assert.deepEqual(answer(await session.poll()), [200, `6${RS}1`]);
  assert.deepEqual(answer(await session.poll()), gone);
});

test("a post to a session that is closing is answered, and handled by nobody", async () => {
  const session = await joined();
  await session.post("42{}");

  const posted = await session.post('42["echo",1]');

  assert.equal(posted.status, 200);
  assert.deepEqual(answer(await session.poll()), [200, `6${RS}1`]);
});

test("JSONP is not spoken", async () => {
  const response = await handshake("/engine.io/?EIO=4&transport=polling&j=0");

  assert.equal(response.body.startsWith("___eio"), expected({ sockeye: false, node: true }));
});
