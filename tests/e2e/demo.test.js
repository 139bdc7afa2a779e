// The demo page in a real browser: what a newcomer does in the first minute.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { launchChromium } from "./kit/chromium.js";
import { start } from "./kit/server.js";

const DEVELOPMENT = {
  dev: true,
  auth: { rooms: ["user:{sub}", "role:{role}", "ALL"] },
  client: { join: ["*"], relay: ["chat"] },
};
const CAP = 20_000;
const artefacts = join(import.meta.dirname, "../artefacts");

const server = await start(DEVELOPMENT);
const hasty = await start({ ...DEVELOPMENT, auth: { ...DEVELOPMENT.auth, deadline: "1200ms" } });
const browser = await launchChromium();
after(() => browser.close());
mkdirSync(artefacts, { recursive: true });

// A page that fails its test when a script throws or anything but this server is asked.
async function visit(t, url, options = { viewport: { width: 1440, height: 1000 } }) {
  const context = await browser.newContext(options);
  t.after(() => context.close());
  context.setDefaultTimeout(CAP);
  return tab(t, context, url);
}

async function tab(t, context, url) {
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => /^(https?|wss?):/.test(request.url()) && new URL(request.url()).host !== new URL(url).host && faults.push(request.url()));
  t.after(() => assert.deepEqual(faults, []));
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector("#token").value !== "");
  return new Tab(page);
}

class Tab {
  constructor(page) {
    this.page = page;
  }

  at(id) {
    return this.page.getByTestId(id);
  }

  click(id) {
    return this.at(id).click();
  }

  shows(id, text) {
    return this.at(id).filter({ hasText: text }).first().waitFor();
  }

  text(id) {
    return this.at(id).innerText();
  }

  async enter() {
    await this.click("connect");
    await this.click("authenticate");
    await this.shows("status", "authenticated");
  }

  async joinRoom(name) {
    await this.at("room").fill(name);
    await this.click("join");
    await this.shows("rooms", name);
  }

  async say(text) {
    await this.at("message").fill(text);
    await this.at("message").press("Enter");
    await this.shows("messages", text);
  }
}

test("tells the whole story in two tabs", async (t) => {
  const one = await visit(t, server.url);
  const two = await tab(t, one.page.context(), server.url);

  await one.click("connect");
  await one.shows("status", "waiting for a token");
  assert.ok(await one.at("countdown").isVisible());
  const offset = () => one.page.evaluate(() => Number(document.querySelector("#ring").style.strokeDashoffset));
  await one.page.waitForFunction(() => Number(document.querySelector("#ring").style.strokeDashoffset) > 0);
  assert.ok((await offset()) < 1, "the ring runs from full to empty");
  assert.ok(Number(await one.text("seconds")) <= 10);
  await one.shows("transport", "websocket");
  await one.page.screenshot({ path: join(artefacts, "demo-pending.png"), fullPage: true });

  await one.click("authenticate");
  await one.shows("status", "authenticated");
  await two.enter();
  await one.joinRoom("river");
  await two.joinRoom("river");
  await one.say("hello from the first tab");
  await two.shows("messages", "hello from the first tab");
  await two.say("and 🐟 from the second");
  await one.shows("messages", "and 🐟 from the second");

  const command = await one.text("curl");
  const answer = JSON.parse(execFileSync("sh", ["-c", command], { encoding: "utf8" }));
  assert.equal(answer.result.sockets, 2);
  await one.shows("notifications", "Hello from the terminal");
  await two.shows("notifications", "Hello from the terminal");

  await one.at("audience").selectOption({ label: "This tab only" });
  assert.equal(JSON.parse(execFileSync("sh", ["-c", await one.text("curl")], { encoding: "utf8" })).result.sockets, 1);
  await one.page.waitForFunction(() => document.querySelectorAll("#notifications li").length === 2);

  const log = await one.text("log");
  for (const piece of ['0{"sid":', "40", '42["authentication"', '42["authenticated",', '["join","river"]', '["chat",', "upgraded to websocket", "new-notification"]) {
    assert.ok(log.includes(piece), `the log shows ${piece}`);
  }
  assert.match(log, /\d\d:\d\d:\d\d\.\d{3}\s+→ out\s+\w+\s+EVENT\s+42\["authentication"/);
  await one.page.screenshot({ path: join(artefacts, "demo.png"), fullPage: true });
  assert.equal(await two.page.locator("#notifications li").count(), 1);
});

test("drops the socket at the deadline and says why", async (t) => {
  const page = await visit(t, hasty.url);

  await page.click("connect");

  await page.shows("status", "dropped");
  assert.match(await page.text("refusal"), /^401: Authentication failure socket \S+ \(io server disconnect\)$/);
  assert.equal(await page.text("transport"), "none");
  assert.ok(await page.at("connect").isEnabled());
  await page.page.screenshot({ path: join(artefacts, "demo-dropped.png"), fullPage: true });

  await page.enter();
  assert.equal(await page.text("refusal"), "");
});

test("drops a token that is not good", async (t) => {
  const page = await visit(t, server.url);
  await page.click("connect");
  await page.at("token").fill("not.a.token");

  await page.click("authenticate");

  await page.shows("refusal", "Authentication failure socket");
  await page.shows("status", "dropped");
});

test("sends the token in the handshake when asked to", async (t) => {
  const good = await visit(t, server.url);
  await good.at("in-handshake").check();
  await good.click("connect");
  await good.shows("status", "authenticated");

  const bad = await visit(t, server.url);
  await bad.at("in-handshake").check();
  await bad.at("token").fill("not.a.token");
  await bad.click("connect");
  await bad.shows("refusal", /401: Authentication failure socket/);
  await bad.shows("status", "dropped");
});

for (const transport of ["polling", "websocket"]) {
  test(`works over ${transport} alone`, async (t) => {
    const page = await visit(t, server.url);
    await page.at(`transport-${transport}`).check();

    await page.enter();
    await page.joinRoom("lake");
    await page.say("anybody here?");

    assert.equal(await page.text("transport"), transport);
    await page.shows("messages", "you, to 0 in lake");
    await page.click("disconnect");
    await page.shows("status", "offline");
    await page.shows("log", "io client disconnect");
    assert.equal(await page.text("transport"), "none");
  });
}

test("leaves a room", async (t) => {
  const page = await visit(t, server.url);
  await page.enter();
  await page.joinRoom("river");
  await page.joinRoom("lake");

  await page.page.getByRole("button", { name: "Leave river" }).click();

  await page.page.getByRole("button", { name: "Leave river" }).waitFor({ state: "detached" });
  await page.shows("rooms", "lake");
  await page.say("still here");
  await page.shows("messages", "in lake");
});

test("says why a room of an identity cannot be joined", async (t) => {
  const page = await visit(t, server.url);
  await page.enter();

  await page.at("room").fill("role:admin");
  await page.click("join");

  await page.shows("messages", "Could not join role:admin: room not allowed.");
});

test("can be used with the keyboard alone", async (t) => {
  const own = await visit(t, server.url);
  const { page } = own;

  await page.getByTestId("connect").focus();
  await page.keyboard.press("Enter");
  await own.shows("status", "waiting for a token");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await own.shows("status", "authenticated");
  await page.keyboard.press("Enter");
  await own.shows("rooms", "spawning-grounds");
  await page.keyboard.type("typed");
  await page.keyboard.press("Enter");

  await own.shows("messages", "typed");
});

for (const [name, options] of Object.entries({
  phone: { viewport: { width: 390, height: 844 } },
  tablet: { viewport: { width: 900, height: 1100 } },
  dark: { viewport: { width: 1440, height: 1000 }, colorScheme: "dark" },
})) {
  test(`fits a ${name} screen`, async (t) => {
    const page = await visit(t, server.url, options);
    await page.enter();
    await page.joinRoom("river");

    const overflow = await page.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

    assert.ok(overflow <= 0, `${overflow} pixels too wide`);
    await page.page.screenshot({ path: join(artefacts, `demo-${name}.png`), fullPage: true });
  });
}
