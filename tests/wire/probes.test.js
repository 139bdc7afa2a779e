// Five questions that anybody may ask any Socket.IO server, over both transports: is a room sent to twice, are events
// reordered, is a burst lost, does an odd name break the connection, is a message without measure taken?
import assert from "node:assert/strict";
import { test } from "node:test";

import { withCanaries } from "./kit/canary.js";
import { Connection } from "./kit/connection.js";
import { readEvents } from "./kit/events.js";
import { Peer, TRANSPORTS } from "./kit/peer.js";
import { Polling } from "./kit/polling.js";
import { serverFor, sockeyeOnly } from "./kit/suite.js";
import { TARGET } from "./servers.js";

const server = serverFor("wire");
withCanaries(server);

const TEN_MB = 10_000_000;
const numbers = (count) => Array.from({ length: count }, (_, index) => index);
const event = (name, ...args) => `42${JSON.stringify([name, ...args])}`;

for (const transport of TRANSPORTS) {
  test(`an emit to two rooms reaches a socket that is in both once, over ${transport}`, async () => {
    const [sender, both, one] = await Promise.all(numbers(3).map(() => Peer.join(server, transport)));
    const rooms = [`a ${transport}`, `b ${transport}`];
    for (const room of rooms) await both.call("join", room);
    await one.call("join", rooms[1]);

    await sender.send(event("to", rooms, "news", 1), event("to", rooms, "news", 2));
    await sender.roundTrip();

    for (const member of [both, one]) {
      assert.deepEqual(await member.roundTrip(), [event("news", 1), event("news", 2)]);
    }
    for (const peer of [sender, both, one]) peer.stop();
  });

  test(`100 events back to back are answered in order over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    for (const number of numbers(100)) void peer.send(event("message", number));

    await peer.expect(...numbers(100).map((number) => event("message-back", number)));
    peer.stop();
  });

  sockeyeOnly(
    `100 events are answered in order by a handler that takes longer for some, over ${transport}`,
    "an async handler of Node's is not waited for",
    async () => {
      const peer = await Peer.join(server, transport);
      const milliseconds = (number) => (number * 7) % 5;

      for (const number of numbers(100)) void peer.send(event("late", milliseconds(number), number));

      await peer.expect(...numbers(100).map((number) => event("late", number)));
      peer.stop();
    },
  );

  test(`1,000 events that one handler emits without waiting all arrive over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send(event("burst", 1000));

    await peer.expect(...numbers(1000).map((number) => event("burst", number)));
    peer.stop();
  });

  for (const [title, name] of [
    ["a quotation mark", 'again a"b'],
    ["a backslash", "again \\"],
    ["a line feed", "again\na\r\tb"],
    ["a NUL", "again \0"],
    ["an emoji", "again 😀"],
    ["line separators of JavaScript", "again \u2028\u2029"],
  ]) {
    test(`an event name with ${title} comes back as it was over ${transport}`, async () => {
      const peer = await Peer.join(server, transport);

      await peer.send(event(name, name));

      assert.deepEqual(await readEvents(await peer.roundTrip()), [{ type: "2", namespace: "/", id: undefined, args: [name, name] }]);
      peer.stop();
    });
  }

  test(`half a character in an event's name harms nothing over ${transport}`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send('42["again \\ud83d","\\ud83d"]');

    const [{ args }] = await readEvents(await peer.roundTrip());
    // No string of Rust can hold it; the arguments are sent on as they came.
    const half = { sockeye: "\ufffd", node: "\ud83d" }[TARGET];
    assert.deepEqual(args, [`again ${half}`, "\ud83d"]);
    peer.stop();
  });
}

test("a WebSocket message of 10 MB closes its connection with 1009", async () => {
  const peer = await Peer.join(server, "websocket");

  void peer.send(event("echo", "x".repeat(TEN_MB)));

  assert.equal((await peer.closed).code, 1009);
});

test("a POST of 10 MB is 413, and its session goes on", async () => {
  const session = await Polling.open(server);
  const connection = await Connection.open(server);
  const head = `POST ${session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${TEN_MB}\r\n\r\n`;

  connection.write(head + "4".padEnd(TEN_MB, "x"));
  const response = await connection.response();

  assert.deepEqual([response.status, response.body], [413, ""]);
  connection.destroy();
  await session.post("4still here");
  assert.equal((await session.poll()).body, "4still here");
});
