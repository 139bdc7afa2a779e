// Every malformed or surprising packet, over both transports, with a healthy client beside it. A row says `both`, or what
// each target does and why Sockeye differs.
import assert from "node:assert/strict";
import { test } from "node:test";

import { withCanaries } from "./kit/canary.js";
import { readEvents } from "./kit/events.js";
import { assertOutcome, CLOSE, outcome, SKIP, wanted } from "./kit/outcome.js";
import { Peer, TRANSPORTS } from "./kit/peer.js";
import { errorBody } from "./kit/polling.js";
import { serverFor, sockeyeOnly } from "./kit/suite.js";
import { ENGINE_PACKETS } from "./tables/engine-packets.js";
import { BEFORE_CONNECT, CONNECTED } from "./tables/socket-packets.js";

const server = serverFor("wire");
withCanaries(server);

const describe = (packet) => (Buffer.isBuffer(packet) ? `<${packet.length} bytes>` : packet);
const titleOf = (row) => row.name ?? [row.input].flat().map(describe).join(" + ");
const skip = (row) => wanted(row) === SKIP && (row.why ?? true);

for (const transport of TRANSPORTS) {
  for (const row of ENGINE_PACKETS.filter(({ on = TRANSPORTS }) => on.includes(transport))) {
    test(`engine packet over ${transport}: ${titleOf(row)}`, { skip: skip(row) }, async () => {
      const peer = await Peer.open(server, transport, { path: "/engine.io/" });

      const actual = await outcome(peer, [row.input], (on) => on.echoed());

      assertOutcome(actual, wanted(row));
      if (actual === CLOSE) await assertProperlyClosed(peer);
      peer.stop();
    });
  }

  for (const row of BEFORE_CONNECT) {
    test(`packet before CONNECT over ${transport}: ${titleOf(row)}`, { skip: skip(row) }, async () => {
      const peer = await Peer.open(server, transport);

      const actual = await outcome(peer, row.input, connects);

      assertOutcome(actual, wanted(row));
      if (actual === CLOSE) await assertProperlyClosed(peer);
      peer.stop();
    });
  }

  for (const row of CONNECTED) {
    test(`packet over ${transport}: ${titleOf(row)}`, { skip: skip(row) }, async () => {
      const peer = await Peer.join(server, transport);

      const actual = await outcome(peer, row.input);

      assertOutcome(actual === CLOSE ? CLOSE : await readEvents(actual), wanted(row));
      if (actual === CLOSE) await assertProperlyClosed(peer);
      peer.stop();
    });
  }

  sockeyeOnly(`two CONNECTs at once over ${transport} make one socket, then close`, "Node makes two sockets", async () => {
    const peer = await Peer.open(server, transport);

    await peer.send("40", "40");

    await peer.closed;
    const replies = await received(peer);
    assert.ok(replies.filter((packet) => packet.startsWith("40")).length <= 1, String(replies));
  });

  sockeyeOnly(`an event right behind CONNECT over ${transport} is handled in order`, "Node closes", async () => {
    const peer = await Peer.open(server, transport);

    await peer.send("40", '42["echo",1]', '42["echo",2]');

    assert.match(await peer.next(), /^40{"sid":/);
    await peer.expect('42["echo",1]', '42["echo",2]');
    peer.stop();
  });

  test(`60,000 keys over ${transport} are plain data`, async () => {
    const peer = await Peer.join(server, transport);
    const data = Object.fromEntries(Array.from({ length: 60_000 }, (_item, index) => [`k${index}`, 0]));

    const actual = await outcome(peer, [`42["echo",${JSON.stringify(data)}]`]);

    assert.deepEqual(await readEvents(actual), [{ type: "2", namespace: "/", id: undefined, args: ["echo", data] }]);
    peer.stop();
  });
}

/** Nobody is left to guess: a close packet or an unknown sid over polling, an empty close frame over WebSocket. */
async function assertProperlyClosed(peer) {
  const how = await peer.closed;
  if (how.packet) assert.equal(how.packet, "1");
  else if (how.code) assert.equal(how.code, 1005);
  else assert.deepEqual([how.status, how.body], [400, errorBody(1)]);
}

async function connects(peer) {
  const before = [];
  await peer.send("40");
  for (;;) {
    const packet = await peer.next("the answer to CONNECT");
    if (/^40{"sid":/.test(packet)) return before;
    before.push(packet);
  }
}

async function received(peer) {
  const packets = [];
  for (;;) {
    const packet = await peer.next().catch(() => null);
    if (packet === null) return packets;
    packets.push(packet);
  }
}
