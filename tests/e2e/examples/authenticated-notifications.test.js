// The example authenticated_notifications: who is told what, and what those are told who are not let in.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { connected, versions, ways } from "../kit/client.js";
import { startExample, withEveryClient } from "../kit/example.js";
import { onlySockeye } from "../kit/server.js";
import { badTokens, token } from "../kit/tokens.js";

const folder = mkdtempSync(join(tmpdir(), "sockeye-e2e-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const blocked = join(folder, "blocked");
writeFileSync(blocked, "13\n");
const server = await startExample("authenticated_notifications", { BLOCKED_USERS: blocked });
const broken = await startExample("authenticated_notifications", { BLOCKED_USERS: join(folder, "nowhere") });

describe("authenticated_notifications", { skip: onlySockeye, concurrency: 4 }, () => {
  withEveryClient(versions, ways, (name, io, transport) => {
    describe(name, { concurrency: true }, () => {
      const visitor = (t, at = server) => connected(t, at.url, transport, io);

      test("tells those who have authenticated, and no others", async (t) => {
        const member = await visitor(t);
        const stranger = await visitor(t);

        member.emit("authentication", token());
        const [answer] = await member.next("authenticated");
        const created = await server.request("POST", "/notifications", { text: name });
        const { id } = created.body;
        const updated = await server.request("PUT", `/notifications/${id}`, { text: `${name}!` });

        assert.deepEqual(answer, { status: 200, message: "Authentication success" });
        assert.deepEqual([created.status, updated.status], [201, 200]);
        await until(member, "updated-notification", { id, text: `${name}!` });
        assert.ok(member.seen("new-notification").some(([news]) => news.id === id && news.text === name));
        // What is emitted to everyone comes after, so nothing else can still be on its way.
        await stranger.next("server-time");
        await member.next("server-time");
        assert.deepEqual(new Set(stranger.history), new Set(["connect", "server-time"]));
      });

      test("refuses a bad token with 401", async (t) => {
        const peer = await visitor(t);
        const { id } = peer;

        peer.emit("authentication", badTokens["a token signed with another secret"]());

        const { refusal, reason } = await peer.refused();
        assert.deepEqual(refusal, { status: 401, message: `Authentication failure socket ${id}` });
        assert.equal(reason, "io server disconnect");
      });

      test("refuses a blocked user with 403", async (t) => {
        const peer = await visitor(t);

        peer.emit("authentication", token({ sub: "13" }));

        assert.deepEqual((await peer.refused()).refusal, { status: 403, message: "Access denied" });
      });

      test("says 500 when it can't find out", async (t) => {
        const peer = await visitor(t, broken);

        peer.emit("authentication", token());

        assert.deepEqual((await peer.refused()).refusal, { status: 500, message: "Internal server error" });
      });
    });
  });

  test("drops a silent client after ten seconds", async (t) => {
    const begun = performance.now();
    const peer = await connected(t, server.url);

    const { refusal } = await peer.refused();

    assert.ok(performance.now() - begun > 9_990, "dropped too early");
    assert.equal(refusal.status, 401);
  });

  test("ends on SIGTERM with its sockets told", async (t) => {
    const own = await startExample("authenticated_notifications", {}, t);
    const peer = await connected(t, own.url, { transports: ["websocket"] });

    const { code } = await own.stop();

    assert.equal(code, 0);
    assert.deepEqual((await peer.next("disconnect"))[0], "transport close");
  });
});

// Waits for an event with this argument: other tests' notifications come, too.
async function until(peer, event, expected) {
  for (;;) {
    const [argument] = await peer.next(event);
    if (argument.id === expected.id) {
      assert.deepEqual(argument, expected);
      return;
    }
  }
}
