// Namespaces of one session, rooms, and the ways to leave: what the peer sees and what the application is told.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { withCanaries } from "./kit/canary.js";
import { readEvent } from "./kit/events.js";
import { Peer, TRANSPORTS } from "./kit/peer.js";
import { serverFor } from "./kit/suite.js";
import { frame } from "./kit/websocket.js";

const server = serverFor("wire");
withCanaries(server);

let observer;
before(async () => {
  await server.ready;
  observer = await Peer.join(server, "websocket");
});
after(() => observer.stop());

/** Why the application was told that a socket is gone; asks until it was. */
async function reasonOf(id) {
  for (let round = 0; round < 1000; round += 1) {
    const [reasons] = await observer.call("reasons");
    const reason = reasons.find((entry) => entry.id === id)?.reason;
    if (reason) return reason;
  }
  throw new Error(`${id} never disconnected`);
}

for (const transport of TRANSPORTS) {
  test(`socket ids differ from the session's and between namespaces over ${transport}`, async () => {
    const peer = await Peer.open(server, transport);

    const ids = [peer.sid, await peer.enter(), await peer.enter("/custom")];

    assert.equal(new Set(ids).size, 3);
    for (const id of ids) assert.match(id, /^[\w-]{20,}$/);
    peer.stop();
  });

  for (const [name, packet] of [
    ["without a comma", "40/custom"],
    ["with a comma", "40/custom,"],
    ["with auth", '40/custom,{"token":"x"}'],
    ["with empty auth", "40/custom,{}"],
    ["with an ack id", "40/custom,1{}"],
  ]) {
    test(`a namespace is entered ${name} over ${transport}`, async () => {
      const peer = await Peer.open(server, transport);

      await peer.send(packet);

      assert.match(await peer.next(), /^40\/custom,{"sid":"[\w-]{20,}"}$/);
      peer.stop();
    });
  }

  for (const packet of ["40", "40{}", "401{}", "40/,", '40/,{"token":"x"}', "40/"]) {
    test(`${packet} enters the main namespace over ${transport}`, async () => {
      const peer = await Peer.open(server, transport);

      await peer.send(packet);

      assert.match(await peer.next(), /^40{"sid":"[\w-]{20,}"}$/);
      peer.stop();
    });
  }

  test(`the auth payload is what the client sent over ${transport}`, async () => {
    const peer = await Peer.open(server, transport, { greeting: true });

    const auth = { token: "é😀", nested: { list: [1, null] } };

    await peer.enter("/", auth);

    assert.deepEqual((await readEvent(peer)).args, ["auth", auth]);
    peer.stop();
  });

  test(`two namespaces of one session do not mix over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    await peer.enter("/custom");

    await peer.send('42/custom,["echo","custom"]', '42["echo","main"]');

    const packets = [await peer.next(), await peer.next()];
    assert.deepEqual(packets.sort(), ['42/custom,["echo","custom"]', '42["echo","main"]']);
    peer.stop();
  });

  test(`a refused namespace leaves the others alone over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send("40/nope,");

    await peer.expect('44/nope,{"message":"Invalid namespace"}');
    assert.deepEqual(await peer.roundTrip(), []);
    await peer.enter("/custom");
    peer.stop();
  });

  for (const [name, namespace, packet] of [
    ["main", "/", "41"],
    ["main, named", "/", "41/,"],
    ["custom", "/custom", "41/custom,"],
    ["custom, without a comma", "/custom", "41/custom"],
  ]) {
    test(`leaving a namespace (${name}) leaves only that one over ${transport}`, async () => {
      const peer = await Peer.open(server, transport);
      const other = namespace === "/" ? "/custom" : "/";
      await peer.enter(other);
      const id = await peer.enter(namespace);

      await peer.send(packet);

      assert.deepEqual(await peer.roundTrip(other), []);
      assert.equal(await reasonOf(id), "client namespace disconnect");
      assert.notEqual(await peer.enter(namespace), id);
      peer.stop();
    });
  }

  test(`an event for a namespace that was left closes over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    await peer.enter("/custom");
    await peer.send("41/custom,");
    await peer.roundTrip();

    await peer.send('42/custom,["echo",1]');

    await peer.closed;
  });

  test(`a kicked socket is told, and its session lives, over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    const id = peer.id;

    await peer.send('42["kick"]');

    await peer.expect("41");
    assert.equal(await reasonOf(id), "server namespace disconnect");
    await peer.enter();
    peer.stop();
  });

  test(`a kick that closes tells every namespace, then closes, over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);
    const main = peer.id;
    const custom = await peer.enter("/custom");

    await peer.send('42/custom,["kick-close"]');

    assert.deepEqual([await peer.next(), await peer.next()].sort(), ["41", "41/custom,"]);
    await peer.closed;
    for (const id of [main, custom]) assert.equal(await reasonOf(id), "server namespace disconnect");
  });

  test(`a kicked socket is in no room any more over ${transport}`, async () => {
    const [sender, member] = await Promise.all([Peer.join(server, transport), Peer.join(server, transport)]);
    const room = `kicked ${transport}`;
    await member.call("join", room);
    await member.send('42["kick"]');
    await member.expect("41");
    await member.enter();

    await sender.send(`42["to","${room}","news"]`);
    await sender.roundTrip();

    assert.deepEqual(await member.roundTrip(), []);
    sender.stop();
    member.stop();
  });

  test(`a room gets an event once, its sender does not, and others do not, over ${transport}`, async () => {
    const peers = await Promise.all(Array.from({ length: 4 }, () => Peer.join(server, transport)));
    const [sender, one, other, stranger] = peers;
    const room = `room ${transport}`;
    for (const member of [sender, one, other]) assert.deepEqual(await member.call("join", room), [room]);
    await one.call("join", room);

    await sender.send(`42["to","${room}","news",1]`, `42["to","${room}","news",2]`);

    for (const member of [one, other]) await member.expect('42["news",1]', '42["news",2]');
    for (const peer of peers) assert.deepEqual(await peer.roundTrip(), []);
    peers.forEach((peer) => peer.stop());
  });

  test(`a room of one namespace is not a room of another over ${transport}`, async () => {
    const [sender, member] = await Promise.all([Peer.join(server, transport), Peer.join(server, transport)]);
    const room = `shared name ${transport}`;
    await member.call("join", room);
    await sender.enter("/custom");

    await sender.send(`42/custom,["to","${room}","news"]`);
    await sender.roundTrip("/custom");

    assert.deepEqual(await member.roundTrip(), []);
    sender.stop();
    member.stop();
  });

  test(`a socket's id is a room over ${transport}`, async () => {
    const [sender, member] = await Promise.all([Peer.join(server, transport), Peer.join(server, transport)]);

    await sender.send(`42["to","${member.id}","psst"]`);

    await member.expect('42["psst"]');
    sender.stop();
    member.stop();
  });

  test(`a malformed packet is told as a forced close over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send("42{}");

    await peer.closed;
    assert.equal(await reasonOf(peer.id), "forced close");
  });

  test(`a violation is told as a forced close over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send("40");

    await peer.closed;
    // Node's word depends on whether a poll is waiting.
    assert.match(await reasonOf(peer.id), /^forced (server )?close$/);
  });

  test(`a violation in one namespace ends the sockets of all over ${transport}`, async () => {
    const peer = await Peer.open(server, transport);
    const ids = [await peer.enter(), await peer.enter("/custom")];

    await peer.send('42/nowhere,["echo"]');

    await peer.closed;
    for (const id of ids) assert.match(await reasonOf(id), /^forced (server )?close$/);
  });

  test(`a malformed engine packet is told as a parse error over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send("garbage");

    await peer.closed;
    assert.equal(await reasonOf(peer.id), "parse error");
  });

  test(`a ping from the client is told as a transport error over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send("2");

    await peer.closed;
    assert.equal(await reasonOf(peer.id), "transport error");
  });
}

test("a close packet over polling is told as a transport close", async () => {
  const peer = await Peer.join(server, "polling");

  await peer.send("1");

  assert.equal(await reasonOf(peer.id), "transport close");
});

for (const [name, leave, reason] of [
  ["a close frame", (client) => client.close(1000), "transport close"],
  ["a close frame with a code of one's own", (client) => client.close(4001), "transport close"],
  ["a dropped connection", (client) => client.destroy(), "transport close"],
  ["a frame that breaks WebSocket", (client) => client.connection.write(frame({ rsv: 4 })), "transport error"],
  ["text that is not UTF-8", (client) => client.connection.write(frame({ payload: Buffer.from([0x34, 0xff]) })), "transport error"],
  ["a message over the limit", (client) => client.connection.write(frame({ length: 1_000_001 })), "transport error"],
]) {
  test(`${name} is told as a ${reason}`, async () => {
    const peer = await Peer.join(server, "websocket");

    leave(peer.wire.client);

    assert.equal(await reasonOf(peer.id), reason);
  });
}

test("two polls at once are told as a transport error", async () => {
  const peer = await Peer.join(server, "polling");

  await peer.wire.session.poll();

  assert.equal(await reasonOf(peer.id), "transport error");
});
