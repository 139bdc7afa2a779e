// Starts the server under test: the Rust binary, or its Node twin when TARGET=node.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";
import { within } from "./wait.js";
import { API_KEY, SECRET } from "./tokens.js";
import { merge, toToml } from "./toml.js";

export const target = process.env.TARGET ?? "sockeye";
export const onlySockeye = target === "sockeye" ? false : "needs the Rust binary";

const here = import.meta.dirname;
const binary = resolve(process.env.SOCKEYE_BIN ?? join(here, "../../../target/release/sockeye"));
const reference = join(here, "../reference/server.js");

const BASE = {
  listen: "127.0.0.1:0",
  internal_listen: "127.0.0.1:0",
  auth: { jwt: { secret: SECRET } },
  api: { key: API_KEY },
};

// Starts a server with these settings and stops it at the end of the file, or of the test given as scope.
export async function start(settings = {}, scope = { after }) {
  const server = new Server(merge(BASE, settings));
  scope.after(() => server.stop());
  await server.launch();
  return server;
}

class Server {
  constructor(settings) {
    this.settings = settings;
  }

  async launch() {
    this.process = run(this.settings);
    const ready = await this.process.ready();
    this.url = ready.url;
    this.internal = ready.internal;
  }

  // Comes back on the addresses it had, as a redeployed server would.
  async launchAgain() {
    const address = (url) => new URL(url).host;
    this.settings = { ...this.settings, listen: address(this.url), internal_listen: address(this.internal) };
    await this.launch();
  }

  async stop() {
    return this.process?.stop();
  }

  async api(body, { key = API_KEY, path = "/api/emit", method = "POST", headers = {} } = {}) {
    const response = await fetch(this.internal + path, {
      method,
      headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
      body: typeof body === "string" || body === undefined ? body : JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  async emit(body) {
    const { status, body: answer } = await this.api(body);
    assert.equal(status, 200, JSON.stringify(answer));
    return answer.result.sockets;
  }
}

function run(settings) {
  if (target === "node") {
    return launch(process.execPath, [reference], { env: { REFERENCE_SETTINGS: JSON.stringify(settings) } });
  }
  return sockeye({ settings });
}

// Runs the Rust binary as its users do: any arguments, any environment, any configuration file.
export function sockeye({ settings, file, args = [], env = {}, command = ["serve"] } = {}) {
  assert.ok(existsSync(binary), `no binary at ${binary}: build it, or set SOCKEYE_BIN`);
  const folder = mkdtempSync(join(tmpdir(), "sockeye-e2e-"));
  const text = file ?? (settings && toToml(settings));
  const config = join(folder, "sockeye.toml");
  if (text !== undefined) {
    writeFileSync(config, text);
  }
  const withConfig = text === undefined ? [] : ["--config", config];
  const child = launch(binary, [...command, ...withConfig, ...args], { env, cwd: folder });
  child.exited.finally(() => rmSync(folder, { recursive: true, force: true }));
  return child;
}

const READY = /^sockeye listening on (http:\/\/\S+) internal (http:\/\/\S+)$/m;

export function launch(command, args, { env = {}, cwd } = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("SOCKEYE_"));
  const child = spawn(command, args, { cwd, env: { ...Object.fromEntries(inherited), ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  const watchers = new Set();
  for (const stream of ["stdout", "stderr"]) {
    child[stream].setEncoding("utf8").on("data", (text) => {
      output[stream] += text;
      watchers.forEach((watch) => watch());
    });
  }
  const exited = new Promise((done) => child.on("close", (code, signal) => done({ code, signal, ...output })));
  const kill = () => child.kill("SIGKILL");
  process.on("exit", kill);
  exited.then(() => process.off("exit", kill));

  // Resolves with the first match of the pattern; a server that ends without it has failed.
  const printed = (stream, pattern) => {
    const found = new Promise((done) => {
      const watch = () => {
        const match = output[stream].match(pattern);
        if (match) {
          watchers.delete(watch);
          done(match);
        }
      };
      watchers.add(watch);
      watch();
    });
    const ended = exited.then(({ code }) => {
      throw new Error(`the server ended with ${code} before it printed ${pattern}:\n${output.stderr}`);
    });
    return within(`${stream} to match ${pattern}`, Promise.race([found, ended]));
  };

  return {
    output,
    exited,
    printed,
    ready: async () => {
      const [, url, internal] = await printed("stdout", READY);
      return { url, internal };
    },
    ended: () => within("the server to end", exited),
    stop: async (signal = "SIGTERM") => {
      child.kill(signal);
      try {
        return await within("the server to end", exited);
      } finally {
        kill();
      }
    },
  };
}
