// Starts an example of the library, as its users do, on a free port.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { after } from "node:test";
import { launch, onlySockeye } from "./server.js";
import { SECRET } from "./tokens.js";

const folder = resolve(process.env.SOCKEYE_EXAMPLES ?? join(import.meta.dirname, "../../../target/debug/examples"));

// Runs an example until the end of the file, or of the test given as scope.
// Nothing is started where the target is another server: its tests are skipped then.
export async function startExample(name, env = {}, scope = { after }) {
  if (onlySockeye) {
    return undefined;
  }
  const binary = join(folder, name);
  assert.ok(existsSync(binary), `no example at ${binary}: cargo build --workspace --examples, or set SOCKEYE_EXAMPLES`);
  const child = launch(binary, [], { env: { PORT: "0", JWT_SECRET: SECRET, ...env } });
  scope.after(() => child.stop());
  const [, url] = await child.printed("stdout", /^listening on (\S+)$/m);
  return { ...child, url, request: (method, path, body, headers) => request(url + path, method, body, headers) };
}

async function request(url, method, body, headers = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

// Runs the suite with every version of the client over every transport.
export function withEveryClient(versions, ways, suite) {
  for (const [version, io] of Object.entries(versions)) {
    for (const [way, transport] of Object.entries(ways)) {
      suite(`${version} over ${way}`, io, transport);
    }
  }
}
