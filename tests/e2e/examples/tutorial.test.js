// The example tutorial: a server on a port of its own, in Node and in a page of another origin.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { launchChromium } from "../kit/chromium.js";
import { connected, versions, ways } from "../kit/client.js";
import { startExample, withEveryClient } from "../kit/example.js";
import { serveClientPage } from "../kit/page.js";
import { onlySockeye } from "../kit/server.js";
import { token } from "../kit/tokens.js";

const server = await startExample("tutorial");
const app = server && (await server.printed("stdout", /^the App is on (\S+)$/m))[1];

describe("tutorial", { skip: onlySockeye, concurrency: 9 }, () => {
  let room = 0;

  withEveryClient(versions, ways, (name, io, transport) => {
    describe(name, { concurrency: true }, () => {
      const enter = (t, sub, roomNumber) =>
        connected(t, server.url, { ...transport, auth: { token: token({ sub }) }, query: { roomNumber: String(roomNumber) } }, io);

      test("greets after five seconds, and hears the client", async (t) => {
        const begun = performance.now();
        const peer = await enter(t, name, 0);

        const answer = await peer.ask("message_from_client", "hello");
        await server.printed("stdout", new RegExp(`^message from ${name}: "hello"$`, "m"));
        const greeting = await peer.next("message_from_server");

        assert.equal(answer, "received");
        assert.deepEqual(greeting, ["Hello from the server"]);
        assert.ok(performance.now() - begun > 4990, "greeted too early");
      });

      test("tells the room, and no other, who has come", async (t) => {
        const [here, elsewhere] = [(room += 1), (room += 1)];
        const ann = await enter(t, "ann", here);
        const eve = await enter(t, "eve", elsewhere);
        await ann.next("room-userId");

        await enter(t, "bob", here);
        const news = await ann.next("room-userId");
        await eve.ask("message_from_client", "still here");

        assert.deepEqual(news, [{ room: `room-userId-${here}`, userId: "bob" }]);
        assert.deepEqual(eve.seen("room-userId"), [[{ room: `room-userId-${elsewhere}`, userId: "eve" }]]);
      });

      for (const [what, auth] of Object.entries({ "a bad token": { token: "garbage" }, "no token": {} })) {
        test(`disconnects a client with ${what}`, async (t) => {
          const peer = await connected(t, server.url, { ...transport, auth }, io);

          const [reason] = await peer.next("disconnect");

          assert.equal(reason, "io server disconnect");
          assert.deepEqual(peer.history, ["connect", "disconnect"]);
        });
      }
    });
  });

  test("serves the App on a port of its own", async () => {
    assert.notEqual(app, server.url);
    assert.equal(await (await fetch(app)).text(), "Hello World!");
  });

  test("works for client 3.1 in a page of another origin", async (t) => {
    const browser = await launchChromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    const faults = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    await page.goto(await serveClientPage("client-3.1", t));

    const told = await page.evaluate(
      ([url, token]) =>
        new Promise((done, fail) => {
          const socket = window.io(url, { auth: { token }, query: { roomNumber: "7" } });
          const told = {};
          socket.on("connect_error", fail);
          socket.on("room-userId", (news) => (told.room = news));
          socket.on("message_from_server", (greeting) => {
            told.greeting = greeting;
            told.transport = socket.io.engine.transport.name;
            socket.emit("message_from_client", "from a page", (answer) => done({ ...told, answer }));
          });
        }),
      [server.url, token({ sub: "page" })],
    );

    assert.deepEqual(told, {
      room: { room: "room-userId-7", userId: "page" },
      greeting: "Hello from the server",
      transport: "websocket",
      answer: "received",
    });
    assert.deepEqual(faults, []);
  });
});
