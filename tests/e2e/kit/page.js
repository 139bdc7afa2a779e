// An origin of its own that serves one page with one version of the client.

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { once } from "node:events";

const require = createRequire(import.meta.url);

// Serves an empty page that has the client of this npm package as the global `io`; stops with the scope.
export async function serveClientPage(client, scope) {
  const script = join(dirname(require.resolve(`${client}/package.json`)), "dist/socket.io.js");
  const server = createServer((request, response) => {
    if (request.url === "/client.js") {
      response.setHeader("content-type", "text/javascript");
      createReadStream(script).pipe(response);
      return;
    }
    response.setHeader("content-type", "text/html");
    response.end('<!doctype html><link rel="icon" href="data:,"><script src="/client.js"></script>');
  });
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}/`;
}
