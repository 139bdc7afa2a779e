// The example events_back_office: a cookie session for sockets, and notifications that follow success.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { launchChromium } from "../kit/chromium.js";
import { connected, open, versions, ways } from "../kit/client.js";
import { startExample, withEveryClient } from "../kit/example.js";
import { serveClientPage } from "../kit/page.js";
import { onlySockeye } from "../kit/server.js";
import { token } from "../kit/tokens.js";

const origin = "http://back.office.test";
const server = await startExample("events_back_office", { ORIGIN: origin });

async function logIn(claims) {
  const { status, headers } = await server.request("POST", "/session", { token: token(claims) });
  assert.equal(status, 200);
  const cookie = headers["set-cookie"][0].split(";")[0];
  return { cookie, request: (method, path, body) => server.request(method, path, body, { cookie }) };
}

describe("events_back_office", { skip: onlySockeye }, () => {
  withEveryClient(versions, ways, (name, io, transport) => {
    describe(name, () => {
      const enter = (t, { cookie }) => connected(t, server.url, { ...transport, extraHeaders: { cookie } }, io);

      test("tells the rooms of a notification, each socket once", async (t) => {
        const [ann, bob] = [await logIn({ sub: "ann", role: "ADMIN" }), await logIn({ sub: "bob", role: undefined })];
        const [anns, bobs] = [await enter(t, ann), await enter(t, bob)];

        const { status, body: record } = await ann.request("POST", "/records", { title: "first" });
        const path = `/records/${record.id}`;
        await ann.request("PUT", path, { title: "second" });
        await bob.request("PUT", path, { title: "third" });
        await bob.request("DELETE", path);
        await bobs.next("DELETED_RECORD");
        await anns.next("DELETED_RECORD");

        assert.equal(status, 201);
        assert.deepEqual(anns.history, ["connect", "NEW_RECORD", "CHANGED_RECORD", "CHANGED_RECORD", "DELETED_RECORD"]);
        assert.deepEqual(bobs.history, ["connect", "NEW_RECORD", "CHANGED_RECORD", "DELETED_RECORD"]);
        assert.deepEqual(anns.seen("NEW_RECORD"), [[{ message: 'ann has added "first"' }]]);
        assert.deepEqual(bobs.seen("CHANGED_RECORD"), [[{ message: `bob has changed ${record.id} to "third"` }]]);
      });

      test("tells nobody of what has failed", async (t) => {
        const ann = await logIn({ sub: "ann", role: "ADMIN" });
        const peer = await enter(t, ann);

        const statuses = [
          (await ann.request("PUT", "/records/999999", { title: "nothing" })).status,
          (await ann.request("DELETE", "/records/999999")).status,
          (await ann.request("POST", "/records", { name: "no title" })).status,
          (await server.request("POST", "/records", { title: "nobody's" })).status,
        ];
        await ann.request("POST", "/records", { title: "the end" });
        await peer.next("NEW_RECORD");

        assert.deepEqual(statuses, [404, 404, 400, 401]);
        assert.deepEqual(peer.history, ["connect", "NEW_RECORD"]);
        assert.deepEqual(peer.seen("NEW_RECORD"), [[{ message: 'ann has added "the end"' }]]);
      });

      for (const [what, extraHeaders] of Object.entries({ "no session": {}, "a forged one": { cookie: "id=forged" } })) {
        test(`refuses a client with ${what}`, async (t) => {
          const peer = open(t, server.url, { ...transport, extraHeaders }, io);

          const [error] = await peer.next("connect_error");

          assert.equal(error.message, "unauthorized");
        });
      }

      test("disconnects a session's sockets when it ends, and no others", async (t) => {
        const [one, other] = [await logIn({ sub: "ann" }), await logIn({ sub: "ann" })];
        const [ended, kept] = [await enter(t, one), await enter(t, other)];

        const { status } = await one.request("DELETE", "/session");

        assert.equal(status, 204);
        assert.equal((await ended.next("disconnect"))[0], "io server disconnect");
        await other.request("POST", "/records", { title: "after" });
        await kept.next("NEW_RECORD");
      });
    });
  });

  test("lets nobody be called as the rooms of others", async () => {
    for (const sub of ["ALL", "ADMIN"]) {
      assert.equal((await server.request("POST", "/session", { token: token({ sub }) })).status, 403);
    }
  });

  test("answers only the pages of its origin, with credentials", async () => {
    const path = "/socket.io/?EIO=4&transport=polling";
    const ours = await server.request("GET", path, undefined, { origin });
    const foreign = await server.request("GET", path, undefined, { origin: "http://evil.test" });
    const preflight = await server.request("OPTIONS", "/records", undefined, {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    });

    for (const { status, headers } of [ours, preflight]) {
      assert.equal(status, 200);
      assert.equal(headers["access-control-allow-origin"], origin);
      assert.equal(headers["access-control-allow-credentials"], "true");
    }
    assert.notEqual(foreign.status, 200);
    assert.equal(foreign.headers["access-control-allow-origin"], undefined);
  });

  test("works for a page of its origin, cookie and all", async (t) => {
    const url = await serveClientPage("client-4.8", t);
    const own = await startExample("events_back_office", { ORIGIN: new URL(url).origin }, t);
    const browser = await launchChromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    await page.goto(url);

    const told = await page.evaluate(
      async ([server, token]) => {
        const post = (path, body) =>
          fetch(server + path, {
            method: "POST",
            credentials: "include",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body),
          });
        await post("/session", { token });
        const socket = window.io(server, { withCredentials: true });
        const news = new Promise((done, fail) => {
          socket.on("connect_error", fail);
          socket.on("NEW_RECORD", done);
        });
        await new Promise((done) => socket.on("connect", done));
        await post("/records", { title: "from a page" });
        return news;
      },
      [own.url, token({ sub: "page" })],
    );

    assert.deepEqual(told, { message: 'page has added "from a page"' });
  });
});
