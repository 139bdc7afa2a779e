import assert from "node:assert/strict";

import { expected } from "../servers.js";

/** The session was closed by the server. */
export const CLOSE = "close";

/** This target is not asked. */
export const SKIP = "skip";

/** Any of several outcomes is right. */
export const oneOf = (...outcomes) => ({ oneOf: outcomes });

/** What this target must do for a table row: `both`, or the answer written for it. */
export const wanted = (row) => ("both" in row ? row.both : expected(row));

/**
 * Sends `packets` and then `probe`, a round trip that works on a healthy session: `CLOSE`, or what the server sent of its
 * own before it answered the probe. So "nothing happens" is `[]`, with no wait.
 */
export async function outcome(peer, packets, probe = (on) => on.roundTrip()) {
  await peer.send(...packets);
  const closed = peer.closed.then(() => CLOSE);
  closed.catch(() => {});
  const answered = probe(peer);
  answered.catch(() => {});
  // The session's end also ends the probe, and is the better account of it.
  return Promise.race([answered.catch(() => closed), closed]);
}

export function assertOutcome(actual, want) {
  if (!want?.oneOf) return assert.deepEqual(actual, want);
  const some = want.oneOf.some((one) => {
    try {
      assert.deepEqual(actual, one);
      return true;
    } catch {
      return false;
    }
  });
  assert.ok(some, `${JSON.stringify(actual)} is none of ${JSON.stringify(want.oneOf)}`);
}
