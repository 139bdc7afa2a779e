// What clients see when the server ends and comes back on the same address.

import assert from "node:assert/strict";
import { test } from "node:test";
import { member, versions, ways } from "./kit/client.js";
import { start } from "./kit/server.js";

for (const [version, io] of Object.entries(versions)) {
  test(`client ${version} sees a transport close and reconnects after a restart`, async (t) => {
    const server = await start({ client: { join: ["room:*"], relay: ["chat"] } }, t);
    const reconnecting = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 };
    const peers = {};
    for (const [way, transport] of Object.entries(ways)) {
      peers[way] = await member(t, server.url, { ...transport, ...reconnecting }, io);
      await peers[way].join("room:a");
    }
    await peers.upgrade.upgraded();
    const before = Object.values(peers).map(({ id }) => id);

    const { code } = await server.stop();
    const reasons = {};
    for (const [way, peer] of Object.entries(peers)) {
      [reasons[way]] = await peer.next("disconnect");
    }
    await server.launchAgain();

    assert.equal(code, 0);
    assert.deepEqual(reasons, { polling: "transport close", websocket: "transport close", upgrade: "transport close" });
    for (const peer of Object.values(peers)) {
      await peer.next("connect");
      assert.ok(!before.includes(peer.id), "a restarted server gives new ids");
      await peer.join("room:a");
    }
    assert.equal((await peers.polling.ask("chat", { room: "room:a" })).sockets, 2);
    await Promise.all([peers.websocket.next("chat"), peers.upgrade.next("chat")]);
  });
}
