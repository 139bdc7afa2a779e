// Starts the server under test by name. `TARGET=node` runs the reference twin instead of Sockeye.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { within } from "./kit/within.js";

export const TARGET = process.env.TARGET ?? "sockeye";
if (!["sockeye", "node"].includes(TARGET)) throw new Error(`TARGET is sockeye or node, not ${TARGET}`);

/** What this target must answer: `both` where the two agree, else the one written for it. */
export const expected = (answers) => answers[TARGET];

/** Starts a server and resolves once it listens: `{ port, alive(), log(), stop() }`. */
export async function start(name) {
  const command = COMMANDS[TARGET];
  const child = spawn(command[0], command.slice(1), {
    env: { ...process.env, PORT: "0", ...SETTINGS[name] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const port = await within(listening(child, () => log), `${command[0]} to listen`, 10_000);
  return {
    port,
    pid: child.pid,
    alive: () => child.exitCode === null && child.signalCode === null && !log.includes("panicked at"),
    log: () => log,
    // Without a chance to drain: a clean end is not what these tests are about.
    async stop() {
      child.kill("SIGKILL");
      await within(exited, "the server to exit");
    },
  };
}

function listening(child, log) {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(new Error("the server cannot be started; is it built?", { cause })));
    child.once("exit", (code) => reject(new Error(`the server ended with ${code} before listening\n${log()}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const port = /listening on http:\/\/\S+:(\d+)/.exec(line)?.[1];
      if (port) resolve(Number(port));
    });
  });
}

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const COMMANDS = {
  sockeye: [process.env.SOCKEYE_CONFORMANCE_BIN ?? here("../../target/release/examples/conformance")],
  node: [process.execPath, here("reference/conformance.js")],
};

const SETTINGS = {
  // The fixture of the official suites: timers of 300 and 200 ms, connect timeout 1 s, CORS for everyone.
  conformance: {},
  // The same handlers, with no timer that a test could meet by accident and without CORS.
  wire: { PING_INTERVAL_MS: "25000", PING_TIMEOUT_MS: "20000", CONNECT_TIMEOUT_MS: "30000", CORS: "off" },
};
