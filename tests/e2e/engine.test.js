// What the settings of the engine and of origins change for a client.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connected, member, open, ways } from "./kit/client.js";
import { start } from "./kit/server.js";

describe("the engine settings", { concurrency: 4 }, () => {
  const engine = (t, settings) => start({ client: { join: ["room:*"], relay: ["chat"] }, ...settings }, t);

  test("can leave out polling", async (t) => {
    const { url } = await engine(t, { engine: { transports: ["websocket"] } });

    await member(t, url, ways.websocket);
    const [error] = await open(t, url, ways.polling).next("connect_error");

    assert.match(error.message, /xhr poll error/);
  });

  test("can leave out WebSocket, so that clients stay on polling", async (t) => {
    const { url } = await engine(t, { engine: { transports: ["polling"] } });

    const peer = await member(t, url, ways.upgrade);
    await peer.join("room:a");

    assert.equal(peer.transport, "polling");
    assert.deepEqual(peer.socket.io.engine.upgrades ?? [], []);
    const [error] = await open(t, url, ways.websocket).next("connect_error");
    assert.match(error.message, /websocket error/);
  });

  test("can forbid upgrades and keep WebSocket", async (t) => {
    const { url } = await engine(t, { engine: { allow_upgrades: false } });

    const peer = await member(t, url, ways.upgrade);
    await peer.join("room:a");
    await member(t, url, ways.websocket);

    assert.equal(peer.transport, "polling");
  });

  test("keep a client alive over many heartbeats", async (t) => {
    const { url } = await engine(t, { engine: { ping_interval: "100ms", ping_timeout: "5s" } });
    const peers = await Promise.all(Object.values(ways).map((transport) => member(t, url, transport)));

    await Promise.all(peers.map((peer) => peer.heartbeats(5)));

    await Promise.all(peers.map((peer) => peer.join("room:a")));
    assert.deepEqual(peers.flatMap((peer) => peer.seen("disconnect")), []);
  });

  test("move the path", async (t) => {
    const { url } = await engine(t, { path: "/live" });

    await member(t, url, { path: "/live" });
    const [error] = await open(t, url).next("connect_error");

    assert.match(error.message, /xhr poll error/);
  });

  test("bound the size of a message", async (t) => {
    const { url } = await engine(t, { engine: { max_http_buffer_size: 10_000 } });

    for (const transport of [ways.polling, ways.websocket]) {
      const peer = await member(t, url, transport);
      await peer.join("room:a");

      assert.equal((await peer.ask("chat", { room: "room:a", text: "a".repeat(9_000) })).status, "ok");
      peer.emit("chat", { room: "room:a", text: "a".repeat(11_000) });

      const [reason] = await peer.next("disconnect");
      assert.match(reason, /transport (error|close)/);
    }
  });

  test("close a connection that reaches no namespace in time", async (t) => {
    const { url } = await engine(t, { engine: { connect_timeout: "300ms" } });

    const session = `${url}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(session)).text()).slice(1));
    const lastPoll = await fetch(`${session}&sid=${sid}`);
    const after = await fetch(`${session}&sid=${sid}`);

    assert.deepEqual([lastPoll.status, await lastPoll.text()], [200, "1"]);
    assert.deepEqual([after.status, (await after.json()).code], [400, 1]);
  });
});

describe("origins", { concurrency: 4 }, () => {
  const from = (origin, transport) => ({ ...transport, extraHeaders: { Origin: origin } });
  const polling = (url, headers, method = "GET") => fetch(`${url}/socket.io/?EIO=4&transport=polling`, { method, headers });

  test("that are not allowed cannot connect over any transport", async (t) => {
    const { url } = await start({ origins: { allow: ["https://app.example.com", "https://*.example.org"] } }, t);

    for (const transport of [ways.polling, ways.websocket]) {
      for (const origin of ["https://app.example.com", "https://a.example.org"]) {
        await connected(t, url, from(origin, transport));
      }
      for (const origin of ["http://app.example.com", "https://app.example.com:8443", "https://example.org", "https://evil-example.org", "null"]) {
        await open(t, url, from(origin, transport)).next("connect_error");
      }
      await connected(t, url, transport);
    }
  });

  test("get no CORS headers unless configured", async (t) => {
    const { url } = await start({}, t);

    const response = await polling(url, { Origin: "https://app.example.com" });

    assert.equal(response.status, 200);
    assert.deepEqual([...response.headers.keys()].filter((name) => name.startsWith("access-control")), []);
  });

  test("get CORS headers when they are on the list", async (t) => {
    const { url } = await start({ cors: { origins: ["https://app.example.com"], credentials: true } }, t);

    const good = await polling(url, { Origin: "https://app.example.com" });
    const preflight = await polling(url, { Origin: "https://app.example.com", "Access-Control-Request-Method": "POST" }, "OPTIONS");
    const bad = await polling(url, { Origin: "https://evil.example.com" });

    assert.equal(good.headers.get("access-control-allow-origin"), "https://app.example.com");
    assert.equal(good.headers.get("access-control-allow-credentials"), "true");
    assert.match(good.headers.get("vary") ?? "", /origin/i);
    assert.equal(preflight.status, 204);
    assert.equal(bad.headers.get("access-control-allow-origin"), null);
  });
});
