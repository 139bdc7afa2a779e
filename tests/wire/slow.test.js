// Clients that do not take what is sent to them: their queue is bounded, and nobody else waits for them.
import assert from "node:assert/strict";

import { withCanaries } from "./kit/canary.js";
import { Peer } from "./kit/peer.js";
import { errorBody, Polling } from "./kit/polling.js";
import { serverFor, sockeyeOnly } from "./kit/suite.js";

const server = serverFor("wire");
withCanaries(server);

const WHY = "Node's queues have no bound";

async function reasonOf(observer, id) {
  const [reasons] = await observer.call("reasons");
  return reasons.find((entry) => entry.id === id)?.reason;
}

/** Sends to the room until the member is dropped; how many rounds it took, or null if it never was. */
async function sendUntilDropped(sender, room, id, { rounds, text, perRound }) {
  const events = Array(perRound).fill(`42["to","${room}","news","${text}"]`);
  for (let round = 1; round <= rounds; round += 1) {
    await sender.send(...events);
    await sender.roundTrip();
    if (await reasonOf(sender, id)) return round;
  }
  return null;
}

sockeyeOnly("a member that never polls is dropped at the bound of packets", WHY, async () => {
  const sender = await Peer.join(server, "websocket");
  const session = await Polling.open(server, { path: "/socket.io/" });
  await session.post("40");
  const { sid: id } = JSON.parse(/^40({[^}]*})/.exec((await session.poll()).body)[1]);
  await session.post('420["join","slow polling"]');

  const rounds = await sendUntilDropped(sender, "slow polling", id, { rounds: 20, text: "x", perRound: 500 });

  assert.ok(rounds >= 8, `dropped after ${rounds} rounds of 500`);
  assert.equal(await reasonOf(sender, id), "slow consumer");
  const { status, body } = await session.poll();
  assert.ok(status === 200 || body === errorBody(1), `${status} ${body}`);
  sender.stop();
});

sockeyeOnly("a member that never polls is dropped at the bound of bytes", WHY, async () => {
  const sender = await Peer.join(server, "websocket");
  const session = await Polling.open(server, { path: "/socket.io/" });
  await session.post("40");
  const { sid: id } = JSON.parse(/^40({[^}]*})/.exec((await session.poll()).body)[1]);
  await session.post('420["join","large polling"]');

  const rounds = await sendUntilDropped(sender, "large polling", id, { rounds: 20, text: "x".repeat(50_000), perRound: 2 });

  assert.ok(rounds >= 9, `dropped after ${rounds} rounds of 100 kB`);
  assert.equal(await reasonOf(sender, id), "slow consumer");
  sender.stop();
});

sockeyeOnly("a member that reads nothing is dropped, and its room is not slowed", WHY, async () => {
  const [sender, slow, quick] = await Promise.all(Array.from({ length: 3 }, () => Peer.join(server, "websocket")));
  for (const member of [slow, quick]) await member.call("join", "slow websocket");
  slow.wire.client.connection.pause();

  const rounds = await sendUntilDropped(sender, "slow websocket", slow.id, { rounds: 300, text: "x".repeat(50_000), perRound: 4 });

  assert.ok(rounds !== null, "it was never dropped");
  assert.equal(await reasonOf(sender, slow.id), "slow consumer");
  assert.equal((await quick.roundTrip()).length, rounds * 4);
  for (const peer of [sender, slow, quick]) peer.stop();
});
