// Starts an example of the library, as its users do, on a free port.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import http from "node:http";
import { join, resolve } from "node:path";
import * as consumers from "node:stream/consumers";
import { after } from "node:test";
import { launch, onlySockeye } from "./server.js";
import { SECRET } from "./tokens.js";
import { within } from "./wait.js";

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

// Over a connection of its own: one that was kept may be closed by the server just as it is used again.
async function request(url, method, body, headers = {}) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const type = text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  const sent = http.request(url, { method, agent: false, headers: { ...type, ...headers } }).end(text);
  const [response] = await within(`the answer to ${method} ${url}`, once(sent, "response"));
  const answer = await consumers.text(response);
  const isJson = response.headers["content-type"]?.startsWith("application/json");
  return { status: response.statusCode, headers: response.headers, body: isJson ? JSON.parse(answer) : answer };
}

// Runs the suite with every version of the client over every transport.
export function withEveryClient(versions, ways, suite) {
  for (const [version, io] of Object.entries(versions)) {
    for (const [way, transport] of Object.entries(ways)) {
      suite(`${version} over ${way}`, io, transport);
    }
  }
}
