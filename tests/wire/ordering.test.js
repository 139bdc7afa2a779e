// Order: per socket, per sender, and from the first packet to the last.
import assert from "node:assert/strict";
import { test } from "node:test";

import { withCanaries } from "./kit/canary.js";
import { Connection } from "./kit/connection.js";
import { Peer, TRANSPORTS } from "./kit/peer.js";
import { serverFor, sockeyeOnly } from "./kit/suite.js";

const server = serverFor("wire");
withCanaries(server);

const numbered = (count, packet) => Array.from({ length: count }, (_item, index) => packet(index));

for (const transport of TRANSPORTS) {
  test(`a burst of 1,000 events arrives in order over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send('42["burst",1000]');

    await peer.expect(...numbered(1000, (index) => `42["burst",${index}]`));
    peer.stop();
  });

  test(`1,000 events of one write are answered in order over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    const events = numbered(1000, (index) => `42["echo",${index}]`);

    await peer.send(...events);

    await peer.expect(...events);
    peer.stop();
  });

  test(`1,000 acks of one write come in order over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send(...numbered(1000, (index) => `42${index}["message-with-ack",${index}]`));

    await peer.expect(...numbered(1000, (index) => `43${index}[${index}]`));
    peer.stop();
  });

  test(`text and binary keep their order over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    const events = numbered(50, (index) => [
      `42["echo",${index}]`,
      `451-["echo",{"_placeholder":true,"num":0}]`,
      Buffer.from([index]),
    ]).flat();

    await peer.send(...events);

    await peer.expect(...events);
    peer.stop();
  });

  test(`a large event does not let a small one pass over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    const events = [`42["echo","${"x".repeat(900_000)}"]`, '42["echo","small"]'];

    for (const event of events) await peer.send(event);

    await peer.expect(...events);
    peer.stop();
  });

  test(`the events of two namespaces keep their order over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    await peer.enter("/custom");
    const events = numbered(200, (index) => `42${index % 2 ? "/custom," : ""}["echo",${index}]`);

    await peer.send(...events);

    const seen = [];
    while (seen.length < events.length) seen.push(await peer.next());
    // Namespaces are apart: the order is promised inside each.
    for (const mine of [(packet) => packet.startsWith("42/custom,"), (packet) => packet.startsWith("42[")]) {
      assert.deepEqual(seen.filter(mine), events.filter(mine));
    }
    peer.stop();
  });

  test(`what one sender sends to a room arrives in order over ${transport}`, async () => {
    const [sender, member] = await Promise.all([Peer.join(server, transport), Peer.join(server, transport)]);
    const room = `order ${transport}`;
    await member.call("join", room);

    await sender.send(...numbered(500, (index) => `42["to","${room}","news",${index}]`));

    await member.expect(...numbered(500, (index) => `42["news",${index}]`));
    sender.stop();
    member.stop();
  });

  test(`a join is in effect for what comes behind it over ${transport}`, async () => {
    const [sender, member] = await Promise.all([Peer.join(server, transport), Peer.join(server, transport)]);
    const room = `joined ${transport}`;

    for (let round = 0; round < 50; round += 1) {
      await member.call("join", room);
      await sender.send(`42["to","${room}","news",${round}]`);
      await member.expect(`42["news",${round}]`);
      await member.call("leave", room);
    }

    await sender.call("message-with-ack");
    assert.deepEqual(await member.roundTrip(), []);
    sender.stop();
    member.stop();
  });

  test(`what is emitted before a disconnect arrives before it over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send('42["bye"]');

    await peer.expect('42["bye","before"]', "41");
    peer.stop();
  });

  sockeyeOnly(`nothing is emitted after a disconnect over ${transport}`, "Node sends it behind 41", async () => {
    const peer = await Peer.join(server, transport);
    await peer.send('42["bye"]');
    await peer.expect('42["bye","before"]', "41");

    await peer.enter();

    assert.deepEqual(await peer.roundTrip(), []);
    peer.stop();
  });

  sockeyeOnly(`an event right before a disconnect is handled over ${transport}`, "Node may drop it", async () => {
    const [peer, member] = await Promise.all([Peer.join(server, transport), Peer.join(server, transport)]);
    const room = `last words ${transport}`;
    await member.call("join", room);

    await peer.send(`42["to","${room}","last words"]`, "41");

    await member.expect('42["last words"]');
    peer.stop();
    member.stop();
  });

  sockeyeOnly(`leaving and entering again in one write is done in order over ${transport}`, "Node may close", async () => {
    const peer = await Peer.join(server, transport);
    const first = peer.id;

    await peer.send("41", "40", '42["echo",1]');

    const reply = await peer.next();
    assert.match(reply, /^40{"sid":/);
    assert.notEqual(JSON.parse(reply.slice(2)).sid, first);
    await peer.expect('42["echo",1]');
    peer.stop();
  });
}

test("events posted one request after the other on one connection keep their order", async () => {
  const peer = await Peer.join(server, "polling");
  const connection = await Connection.open(server);
  const events = numbered(50, (index) => `42["echo",${index}]`);

  for (const event of events) {
    connection.write(`POST ${peer.wire.session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${event.length}\r\n\r\n${event}`);
    assert.equal((await connection.response()).body, "ok");
  }

  await peer.expect(...events);
  connection.destroy();
  peer.stop();
});

test("a small packet does not wait for the client's TCP to acknowledge the one before", async () => {
  const [sender, member] = await Promise.all([Peer.join(server, "websocket"), Peer.join(server, "websocket")]);
  const waits = [];

  for (let round = 0; round < 20; round += 1) {
    // The member says something only here, so its acknowledgement of the news may be delayed.
    await member.call("join", "no delay");
    const start = performance.now();
    await sender.send('42["to","no delay","news"]');
    await member.expect('42["news"]');
    waits.push(performance.now() - start);
  }

  // Without TCP_NODELAY it is 40 ms each time.
  assert.ok(waits.sort((one, other) => one - other)[10] < 20, `the median is ${waits[10]} ms`);
  sender.stop();
  member.stop();
});

test("nothing comes before the answer to CONNECT", async () => {
  const sender = await Peer.join(server, "websocket");
  const peer = await Peer.open(server, "websocket");

  await peer.send("40");
  await sender.roundTrip();

  assert.match(await peer.next(), /^40{"sid":/);
  sender.stop();
  peer.stop();
});
