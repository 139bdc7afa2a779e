// The demo page and what it needs, as the product serves them in development mode.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import jwt from "jsonwebtoken";

const demo = join(import.meta.dirname, "../../../server/demo");
const bundle = join(fileURLToPath(import.meta.resolve("client-4.8/package.json")), "../dist/socket.io.min.js");

const FILES = {
  "/": [join(demo, "index.html"), "text/html; charset=utf-8"],
  "/style.css": [join(demo, "style.css"), "text/css; charset=utf-8"],
  "/app.js": [join(demo, "app.js"), "text/javascript; charset=utf-8"],
  "/client/socket.io.min.js": [bundle, "text/javascript; charset=utf-8"],
};

export function page(settings, internalUrl) {
  const token = jwt.sign({ sub: "dev", role: "admin" }, settings.auth.jwt.secret, { expiresIn: "12h" });
  const facts = { token, apiKey: settings.api.key, internal: internalUrl, deadlineMs: settings.auth.deadline };
  return (request, response) => {
    const path = request.url.split("?")[0];
    if (path === "/dev.json") {
      return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(facts));
    }
    if (!Object.hasOwn(FILES, path)) {
      return response.writeHead(404).end();
    }
    const [file, type] = FILES[path];
    response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(readFileSync(file));
  };
}
