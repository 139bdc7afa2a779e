// The real deadline, once: ten seconds by default, measured by the client.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { open, ways } from "./kit/client.js";
import { start } from "./kit/server.js";
import { token } from "./kit/tokens.js";

const { url } = await start({ client: { join: ["*"] } });

describe("the default deadline", { concurrency: true }, () => {
  for (const [way, transport] of Object.entries(ways)) {
    test(`drops a silent client after ten seconds over ${way}`, async (t) => {
      const begun = performance.now();
      const peer = open(t, url, transport);

      await peer.next("unauthorized");
      const told = performance.now() - begun;
      const { refusal, reason } = await peer.refused();
      const dropped = performance.now() - begun;

      assert.ok(Math.abs(told - 10_000) <= 500, `told after ${told} ms`);
      assert.ok(Math.abs(dropped - 10_000) <= 500, `dropped after ${dropped} ms`);
      assert.match(refusal.message, /^Authentication failure socket \S+$/);
      assert.equal(refusal.status, 401);
      assert.equal(reason, "io server disconnect");
    });
  }

  test("spares a client that authenticated in time", async (t) => {
    const silent = open(t, url);
    const peer = open(t, url);
    await peer.admitted();
    await peer.ask("authentication", token());

    await silent.refused();
    await open(t, url).admitted();

    assert.equal((await peer.ask("join", "a")).status, "ok");
  });
});
