// Acks both ways, and binary in every place an argument can have.
import assert from "node:assert/strict";
import { test } from "node:test";

import { withCanaries } from "./kit/canary.js";
import { readEvent } from "./kit/events.js";
import { Peer, TRANSPORTS } from "./kit/peer.js";
import { Polling, RS } from "./kit/polling.js";
import { serverFor } from "./kit/suite.js";
import { frame, Opcode, WebSocketClient } from "./kit/websocket.js";

const server = serverFor("wire");
withCanaries(server);

const place = (num) => ({ _placeholder: true, num });
const header = (type, count, args, id = "") => `4${type}${count}-${id}${JSON.stringify(args)}`;
const BYTES = Buffer.from([0, 1, 2, 0x1e, 0x34, 0xff]);

for (const transport of TRANSPORTS) {
  const pair = () => Promise.all([Peer.join(server, transport), Peer.join(server, transport)]);

  for (const id of ["0", "1", "7", "1000000", "9007199254740991"]) {
    test(`ack id ${id} comes back over ${transport}`, async () => {
      const peer = await Peer.join(server, transport);

      await peer.send(`42${id}["message-with-ack","a",1]`);

      await peer.expect(`43${id}["a",1]`);
      peer.stop();
    });
  }

  test(`an ack without args is an empty list over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send('425["message-with-ack"]');

    await peer.expect("435[]");
    peer.stop();
  });

  test(`an ack id may be used again over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send('425["message-with-ack",1]', '425["message-with-ack",2]');

    await peer.expect("435[1]", "435[2]");
    peer.stop();
  });

  test(`an event without ack id gets no ack over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send('42["message-with-ack",1]');

    assert.deepEqual(await peer.roundTrip(), []);
    peer.stop();
  });

  test(`an ack names its namespace over ${transport}`, async () => {
    const peer = await Peer.open(server, transport);
    await peer.enter("/custom");

    await peer.send('42/custom,12["message-with-ack","x"]');

    await peer.expect('43/custom,12["x"]');
    peer.stop();
  });

  test(`the server is answered over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    await peer.send('42["ask","question","why",{"deep":[1]}]');
    const question = await readEvent(peer);

    await peer.send(`43${question.id}["because",42]`);

    assert.deepEqual(question.args, ["question", "why", { deep: [1] }]);
    await peer.expect('42["answered","because",42]');
    peer.stop();
  });

  test(`ack ids of the server count up per namespace, not per socket, over ${transport}`, async () => {
    const [one, other] = await pair();

    await one.send('42["ask","question"]');
    const first = await readEvent(one);
    await other.send('42["ask","question"]');
    const second = await readEvent(other);

    assert.equal(Number(second.id), Number(first.id) + 1);
    one.stop();
    other.stop();
  });

  test(`only the first answer counts over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    await peer.send('42["ask","question"]');
    const { id } = await readEvent(peer);

    await peer.send(`43${id}["first"]`, `43${id}["second"]`);

    await peer.expect('42["answered","first"]');
    assert.deepEqual(await peer.roundTrip(), []);
    peer.stop();
  });

  test(`an answer to somebody else's question is ignored over ${transport}`, async () => {
    const [one, other] = await pair();
    await one.send('42["ask","question"]');
    const { id } = await readEvent(one);

    await other.send(`43${id}["stolen"]`);
    assert.deepEqual(await other.roundTrip(), []);

    await one.send(`43${id}["mine"]`);
    await one.expect('42["answered","mine"]');
    one.stop();
    other.stop();
  });

  test(`answers may come in any order over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    await peer.send('42["ask","a"]', '42["ask","b"]', '42["ask","c"]');
    const questions = [await readEvent(peer), await readEvent(peer), await readEvent(peer)];

    for (const { id, args } of questions.reverse()) {
      await peer.send(`43${id}["${args[0]}"]`);
      await peer.expect(`42["answered","${args[0]}"]`);
    }
    peer.stop();
  });

  test(`an answer without args, and one without payload, count over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    for (const payload of ["[]", ""]) {
      await peer.send('42["ask","question"]');
      const { id } = await readEvent(peer);
      await peer.send(`43${id}${payload}`);
      await peer.expect('42["answered"]');
    }
    peer.stop();
  });

  test(`the server is answered with binary over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    await peer.send('42["ask","question"]');
    const { id } = await readEvent(peer);

    await peer.send(header(6, 1, ["x", place(0)], id), BYTES);

    assert.deepEqual((await readEvent(peer)).args, ["answered", "x", BYTES]);
    peer.stop();
  });

  test(`an ack carries binary over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send(header(5, 2, ["message-with-ack", place(0), [place(1)]], "3"), BYTES, Buffer.from([9]));

    await peer.expect(header(6, 2, [place(0), [place(1)]], "3"), BYTES, Buffer.from([9]));
    peer.stop();
  });

  test(`a binary event names its namespace over ${transport}`, async () => {
    const peer = await Peer.open(server, transport);
    await peer.enter("/custom");

    await peer.send('451-/custom,["echo",{"_placeholder":true,"num":0}]', BYTES);

    await peer.expect('451-/custom,["echo",{"_placeholder":true,"num":0}]', BYTES);
    peer.stop();
  });

  test(`binary is found in nested args over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    const args = ["echo", { a: [{ b: place(0) }, 1], c: place(1) }, place(2)];
    const attachments = [Buffer.from("one"), Buffer.from("two"), Buffer.from("three")];

    await peer.send(header(5, 3, args), ...attachments);

    const { args: echoed } = await readEvent(peer);
    assert.deepEqual(echoed, ["echo", { a: [{ b: attachments[0] }, 1], c: attachments[1] }, attachments[2]]);
    peer.stop();
  });

  test(`placeholders may come in any order over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send(header(5, 2, ["echo", place(1), place(0)]), Buffer.from("zero"), Buffer.from("one"));

    assert.deepEqual((await readEvent(peer)).args, ["echo", Buffer.from("one"), Buffer.from("zero")]);
    peer.stop();
  });

  test(`ten attachments are allowed over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    const attachments = Array.from({ length: 10 }, (_item, index) => Buffer.from([index]));

    await peer.send(header(5, 10, ["echo", ...attachments.map((_item, index) => place(index))]), ...attachments);

    assert.deepEqual((await readEvent(peer)).args, ["echo", ...attachments]);
    peer.stop();
  });

  test(`a pong between a header and its attachments is no matter over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send(header(5, 2, ["echo", place(0), place(1)]), "3", BYTES, "3", BYTES);

    assert.deepEqual((await readEvent(peer)).args, ["echo", BYTES, BYTES]);
    peer.stop();
  });

  test(`attachments may come one write after the other over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    for (const packet of [header(5, 2, ["echo", place(0), place(1)]), BYTES, BYTES]) await peer.send(packet);

    assert.deepEqual((await readEvent(peer)).args, ["echo", BYTES, BYTES]);
    peer.stop();
  });

  test(`an attachment of 600 kB comes back the same over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    const large = Buffer.alloc(600_000, 0x1e);

    await peer.send(header(5, 1, ["echo", place(0)]), large);

    assert.deepEqual((await readEvent(peer)).args, ["echo", large]);
    peer.stop();
  });

  test(`binary sent to a room reaches members on both transports from ${transport}`, async () => {
    const room = `binary ${transport}`;
    const sender = await Peer.join(server, transport);
    const members = await Promise.all(TRANSPORTS.map((other) => Peer.join(server, other)));
    for (const member of members) await member.call("join", room);

    await sender.send(header(5, 1, ["to", room, "news", place(0)]), BYTES);

    for (const member of members) assert.deepEqual((await readEvent(member)).args, ["news", BYTES]);
    for (const peer of [sender, ...members]) peer.stop();
  });
}

test("attachments of one packet are contiguous in a polling payload", async () => {
  const session = await Polling.open(server, { path: "/socket.io/" });
  await session.post("40");
  const greeting = [];
  while (!greeting.join(RS).includes('42["auth"')) greeting.push((await session.poll()).body);

  await session.post([header(5, 1, ["echo", place(0)]), "bAQID", '42["echo",1]'].join(RS));

  assert.equal((await session.poll()).body, [header(5, 1, ["echo", place(0)]), "bAQID", '42["echo",1]'].join(RS));
});

test("a WebSocket that asks for base64 gets binary as text", async () => {
  const client = await WebSocketClient.open(server, { query: "EIO=4&transport=websocket&b64=1" });
  assert.match(await client.packet(), /^0{/);

  client.send(Buffer.from([1, 2, 3]), "4text");

  assert.equal(await client.packet(), "bAQID");
  assert.equal(await client.packet(), "4text");
  client.destroy();
});

test("a WebSocket may send binary as text", async () => {
  const client = await WebSocketClient.open(server);
  assert.match(await client.packet(), /^0{/);

  client.send("bAQID");

  assert.deepEqual(await client.packet(), Buffer.from([1, 2, 3]));
  client.destroy();
});

test("a control ping between a header and its attachment is no matter", async () => {
  const peer = await Peer.join(server, "websocket");

  await peer.send(header(5, 1, ["echo", place(0)]));
  peer.wire.client.connection.write(frame({ opcode: Opcode.PING, payload: "between" }));
  await peer.send(BYTES);

  // The pong is a frame like any other for this client.
  await peer.expect(Buffer.from("between"));
  assert.deepEqual((await readEvent(peer)).args, ["echo", BYTES]);
  peer.stop();
});
