// The command line, the configuration and the end of the Rust binary.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { connected, member, open, ways } from "./kit/client.js";
import { onlySockeye, sockeye } from "./kit/server.js";
import { API_KEY, SECRET, token } from "./kit/tokens.js";

const ANY_PORT = ["--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0"];
const GOOD = { auth: { jwt: { secret: SECRET } }, api: { key: API_KEY } };
const withSettings = (extra) => ({ settings: { ...GOOD, ...extra } });

// Runs the binary with any port unless told otherwise and stops it when the test ends.
function run(t, { args = ANY_PORT, ...options } = {}) {
  const child = sockeye({ args, ...options });
  t.after(() => child.stop());
  return child;
}

// The exit code and the message of a start that must fail.
async function refusal(t, options) {
  const { code, stderr, stdout } = await run(t, options).ended();
  assert.equal(code, 2, stderr);
  assert.equal(stdout, "", "nothing is ready");
  return stderr;
}

const lines = (text) => text.split("\n").filter((line) => line !== "");

describe("the binary", { skip: onlySockeye, concurrency: 4 }, () => {
  describe("starts", { concurrency: 4 }, () => {
    test("with exactly one line on stdout, which tells the real ports", async (t) => {
      const child = run(t, withSettings());
      const { url, internal } = await child.ready();
      await connected(t, url);

      const { code, stdout } = await child.stop();

      assert.equal(code, 0);
      assert.deepEqual(lines(stdout), [`sockeye listening on ${url} internal ${internal}`]);
      for (const address of [url, internal]) {
        assert.ok(Number(new URL(address).port) > 0, address);
      }
    });

    test("on the address of the flag, else of the environment, else of the file", async (t) => {
      const file = { settings: { ...GOOD, listen: "127.0.0.2:0", internal_listen: "127.0.0.2:0" } };
      const env = { SOCKEYE_LISTEN: "127.0.0.3:0" };
      const flags = ["--listen", "127.0.0.4:0"];
      const host = async (options) => new URL((await run(t, options).ready()).url).hostname;

      const hosts = await Promise.all([host({ ...file, args: [] }), host({ ...file, env, args: [] }), host({ ...file, env, args: flags })]);

      assert.deepEqual(hosts, ["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    });

    test("on the internal address of the flag, else of the environment, else of the file", async (t) => {
      const file = { settings: { ...GOOD, listen: "127.0.0.1:0", internal_listen: "127.0.0.2:0" } };
      const env = { SOCKEYE_INTERNAL_LISTEN: "127.0.0.3:0" };
      const flags = ["--internal-listen", "127.0.0.4:0"];
      const host = async (options) => new URL((await run(t, options).ready()).internal).hostname;

      const hosts = await Promise.all([host({ ...file, args: [] }), host({ ...file, env, args: [] }), host({ ...file, env, args: flags })]);

      assert.deepEqual(hosts, ["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    });

    test("from the environment alone, with lists and tables as JSON", async (t) => {
      const env = {
        SOCKEYE_AUTH__JWT__SECRET: SECRET,
        SOCKEYE_API__KEY: API_KEY,
        SOCKEYE_NAMESPACES: '["/","/second"]',
        SOCKEYE_AUTH__REQUIRE: '{"role":["admin","editor"]}',
        SOCKEYE_CLIENT__JOIN: '["room:*"]',
      };
      const { url } = await run(t, { env }).ready();

      const peer = await member(t, `${url}/second`, { claims: { role: "editor" } });
      const [error] = await open(t, url, { auth: { token: token({ role: "guest" }) } }).next("connect_error");

      assert.ok((await peer.join("room:a")).includes("room:a"));
      assert.equal(error.message, "Access denied");
    });

    test("with the secret of the environment in place of the file's", async (t) => {
      const other = "another secret that is long enough for it";
      const { url } = await run(t, { ...withSettings(), env: { SOCKEYE_AUTH__JWT__SECRET: other } }).ready();

      await connected(t, url, { auth: { token: token({}, { secret: other }) } });
      const [error] = await open(t, url, { auth: { token: token() } }).next("connect_error");

      assert.equal(error.data.status, 401);
    });

    test("with variables of other programs around", async (t) => {
      const env = { SOCKEYES: "1", OTHER_AUTH__JWT: "2" };

      assert.ok(await run(t, { ...withSettings(), env }).ready());
    });
  });

  describe("refuses to start, by name,", { concurrency: 4 }, () => {
    const table = {
      "an unknown key": [{ nonsense: 1 }, "nonsense"],
      "an unknown key in a table": [{ engine: { ping_intervall: "1s" } }, "ping_intervall"],
      "an unknown table": [{ redis: { url: "x" } }, "redis"],
      "a short secret": [{ auth: { jwt: { secret: "0123456789012345678901234567890" } } }, "secret"],
      "an empty API key": [{ api: { key: "" } }, "key"],
      // No flag may take its place.
      "an address that is none": [{ internal_listen: "nowhere" }, "internal_listen", ["--listen", "127.0.0.1:0"]],
      "a duration without unit": [{ engine: { ping_timeout: "20" } }, "ping_timeout"],
      "a duration that is a list": [{ auth: { ...GOOD.auth, deadline: ["1s"] } }, "deadline"],
      "a negative size": [{ engine: { max_http_buffer_size: -1 } }, "max_http_buffer_size"],
      "an unknown transport": [{ engine: { transports: ["polling", "carrier-pigeon"] } }, "transports"],
      "no transport": [{ engine: { transports: [] } }, "transports"],
      "an unknown dialect": [{ auth: { ...GOOD.auth, dialect: "klingon" } }, "dialect"],
      "a namespace without slash": [{ namespaces: ["second"] }, "namespaces"],
      "a path without slash": [{ path: "socket.io" }, "path"],
      "every origin together with credentials": [{ cors: { origins: ["*"], credentials: true } }, "cors"],
      "an origin that is none": [{ origins: { allow: ["app.example.com"] } }, "origins"],
    };
    for (const [what, [settings, name, args]] of Object.entries(table)) {
      test(what, async (t) => {
        const message = await refusal(t, { ...withSettings(settings), ...(args && { args }) });

        assert.match(message, new RegExp(`\\b${name}\\b`));
        assert.ok(!message.includes(SECRET) && !message.includes("0123456789012345678901234567890"), "a secret is never shown");
        assert.ok(!message.includes("panicked"), message);
      });
    }

    test("an unknown variable", async (t) => {
      const message = await refusal(t, { ...withSettings(), env: { SOCKEYE_AUTH__DEADLIEN: "1s" } });

      assert.match(message, /SOCKEYE_AUTH__DEADLIEN|auth\.deadlien/i);
    });

    test("a variable that is not what its key wants", async (t) => {
      const message = await refusal(t, { ...withSettings(), env: { SOCKEYE_NAMESPACES: "[not JSON" } });

      assert.match(message, /namespaces/i);
    });

    test("a file that is not TOML", async (t) => {
      const message = await refusal(t, { file: "listen = = 3" });

      assert.match(message, /sockeye\.toml|line 1/);
    });

    test("a file that does not exist", async (t) => {
      const message = await refusal(t, { args: ["--config", "missing.toml"] });

      assert.match(message, /missing\.toml/);
    });

    test("an API without a secret", async (t) => {
      assert.match(await refusal(t, { settings: { api: { key: API_KEY } } }), /secret/);
    });

    test("an unknown flag", async (t) => {
      assert.match(await refusal(t, { ...withSettings(), args: ["--prot", "1"] }), /--prot/);
    });

    test("an unknown command", async (t) => {
      assert.match(await refusal(t, { command: ["swim"], args: [] }), /swim/);
    });

    test("an address in use", async (t) => {
      const { url } = await run(t, withSettings()).ready();
      const child = run(t, { ...withSettings(), args: ["--listen", new URL(url).host, "--internal-listen", "127.0.0.1:0"] });

      const { code, stderr, stdout } = await child.ended();

      assert.ok(code > 0, `ended with ${code}`);
      assert.equal(stdout, "");
      assert.match(stderr, new RegExp(new URL(url).host.replaceAll(".", "\\.")));
    });
  });

  for (const flags of [["--help"], ["serve", "--help"]]) {
    test(`explains itself with ${flags.join(" ")}`, async (t) => {
      const { code, stdout } = await run(t, { command: flags, args: [] }).ended();

      assert.equal(code, 0);
      assert.match(stdout, /serve/);
      if (flags.length > 1) {
        ["--config", "--listen", "--internal-listen"].forEach((flag) => assert.ok(stdout.includes(flag), flag));
      }
    });
  }

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]) {
    test(`ends with 0 at ${signal} and tells its clients`, async (t) => {
      const child = run(t, { settings: { ...GOOD, auth: { ...GOOD.auth, deadline: "30s" } } });
      const { url, internal } = await child.ready();
      const peers = await Promise.all([
        ...Object.values(ways).map((transport) => member(t, url, transport)),
        ...Object.values(ways).map((transport) => connected(t, url, transport)),
      ]);
      await Promise.all([peers[2].upgraded(), peers[5].upgraded()]);
      // Who is between two polls finds the server gone.
      while (!(await (await fetch(`${internal}/metrics`)).text()).includes("\nsockeye_polls 2\n")) {}

      const { code, stderr } = await child.stop(signal);
      const reasons = await Promise.all(peers.map(async (peer) => (await peer.next("disconnect"))[0]));

      assert.equal(code, 0, stderr);
      assert.deepEqual(new Set(reasons), new Set(["transport close"]));
      assert.ok(!stderr.includes("panicked"), stderr);
    });
  }

  describe("in development mode", { concurrency: 4 }, () => {
    const JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]+/;

    test("shows a token that works", async (t) => {
      const child = run(t);
      const { url } = await child.ready();
      const [text] = await child.printed("stderr", JWT);

      const peer = await connected(t, url);
      assert.equal((await peer.ask("authentication", text)).status, 200);
      assert.ok((await peer.join("lobby")).includes("lobby"));
    });

    test("shows a curl line that works", async (t) => {
      const child = run(t);
      const { url } = await child.ready();
      const [text] = await child.printed("stderr", JWT);
      const peer = await connected(t, url, { auth: { token: text } });
      const [command] = await child.printed("stderr", /\bcurl (.*\\\n)*.*/);

      const shell = spawn("sh", ["-c", command], { stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      shell.stdout.on("data", (data) => (output += data));
      const [code] = await once(shell, "close");

      assert.equal(code, 0);
      assert.match(output, /"sockets":\s*1/);
      await peer.next("new-notification");
    });

    test("serves the page and what it needs", async (t) => {
      const { url, internal } = await run(t).ready();
      const types = {};
      for (const path of ["/", "/style.css", "/app.js", "/client/socket.io.min.js", "/dev.json"]) {
        const response = await fetch(url + path);
        types[path] = [response.status, response.headers.get("content-type").split(";")[0]];
      }
      const facts = await (await fetch(`${url}/dev.json`)).json();

      assert.deepEqual(types, {
        "/": [200, "text/html"],
        "/style.css": [200, "text/css"],
        "/app.js": [200, "text/javascript"],
        "/client/socket.io.min.js": [200, "text/javascript"],
        "/dev.json": [200, "application/json"],
      });
      assert.equal(facts.internal, internal);
      assert.equal(facts.deadlineMs, 10_000);
      await connected(t, url, { auth: { token: facts.token } });
    });

    test("invents other secrets each time", async (t) => {
      const facts = async () => (await fetch(`${(await run(t).ready()).url}/dev.json`)).json();

      const [one, two] = await Promise.all([facts(), facts()]);

      assert.notEqual(one.apiKey, two.apiKey);
      assert.notEqual(one.token.split(".")[2], two.token.split(".")[2]);
    });

    test("keeps the rooms of identities closed to a bare star", async (t) => {
      const { url } = await run(t).ready();
      const { token: text } = await (await fetch(`${url}/dev.json`)).json();
      const [peer, other] = await Promise.all([connected(t, url, { auth: { token: text } }), connected(t, url, { auth: { token: text } })]);

      for (const room of ["ALL", "user:1", "role:admin", other.id]) {
        assert.deepEqual(await peer.ask("join", room), { status: "error", message: "room not allowed" }, room);
      }
    });

    test("is off as soon as there is a secret or a key", async (t) => {
      const { url } = await run(t, { env: { SOCKEYE_AUTH__JWT__SECRET: SECRET, SOCKEYE_API__KEY: API_KEY } }).ready();

      assert.equal((await fetch(`${url}/dev.json`)).status, 404);
      assert.equal((await fetch(url)).status, 404);
    });
  });
});
