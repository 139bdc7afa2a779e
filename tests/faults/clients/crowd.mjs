// Official clients with their default settings, in pairs that talk to each other in a room of their
// own. What each sends and sees goes to a history, one line an event: time, client, kind, and more.
//
//   node crowd.mjs '{"url", "secret", "clients", "first", "rate", "history"}'
//
// Standard output says `in` whenever all are members of their rooms, and `out` when one no longer is.
// Standard input: `stop` ends the talk, and the process once the last answers are there.

import { createHmac } from "node:crypto";
import { createWriteStream } from "node:fs";
import { Agent } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const OPENING_MS = 5;
const options = JSON.parse(process.argv[2]);
const require = createRequire(new URL("../../e2e/package.json", import.meta.url));
const { io } = require("client-4.8");
const history = createWriteStream(options.history);
const clients = [];
let talking = true;
let members = 0;

class Client {
  constructor(number) {
    this.number = number;
    this.sent = 0;
    // Answers, and deliveries to the partner of what is answered.
    this.due = 0;
    this.owed = 0;
    this.isMember = false;
    this.room = `room:${number >> 1}`;
    // One address may have so many sessions, and so many new ones in a second.
    const agent = new Agent({ keepAlive: true, localAddress: `127.0.0.${2 + (number % 20)}` });
    this.socket = io(options.url, { agent, forceNew: true, auth: { token: token(`c${number}`) } });
    this.socket.on("connect", () => this.join());
    this.socket.on("disconnect", (reason) => this.leaves(reason));
    this.socket.on("chat", (talk, from) => this.hears(talk, from));
    setTimeout(() => setInterval(() => this.talks(), 1000 / options.rate), Math.random() * 1000);
  }

  join() {
    const { id } = this.socket;
    this.socket.emit("join", this.room, (answer) => {
      if (answer.status !== "ok") return this.note("x", `no member: ${answer.message}`);
      if (this.socket.id !== id) return;
      this.isMember = true;
      members += 1;
      this.note("up");
      if (members === options.clients) console.log("in");
    });
  }

  leaves(reason) {
    this.note("down", reason);
    // What was on its way never comes.
    this.due = this.owed = 0;
    if (!this.isMember) return;
    this.isMember = false;
    if (members === options.clients) console.log("out");
    members -= 1;
  }

  talks() {
    if (!talking || !this.isMember) return;
    const number = (this.sent += 1);
    this.due += 1;
    this.note("sent", number);
    this.socket.emit("chat", { room: this.room, client: this.number, number, ...content(number) }, (answer) => {
      this.due -= 1;
      if (answer.sockets > 0) this.owed += 1;
      if (answer.status === "ok") this.note("acked", `${number} ${answer.sockets}`);
      else this.note("x", `refused: ${answer.message}`);
    });
  }

  hears({ room, client, number, text, bytes }, { user }) {
    const sent = content(number);
    const same = room === this.room && user === `c${client}` && text === sent.text && !sent.bytes === !bytes;
    const isWhole = same && (!bytes || bytes.equals(sent.bytes));
    this.note(isWhole ? "got" : "x", `${client} ${number}`);
    clients[client - options.first].owed -= 1;
  }

  note(kind, more = "") {
    history.write(`${Date.now()} ${this.number} ${kind} ${more}\n`);
  }
}

// Every fourth has an attachment.
function content(number) {
  const text = `${number} ✓ `.repeat(20);
  return number % 4 === 0 ? { text, bytes: Buffer.alloc(32, number & 255) } : { text };
}

function token(sub) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const message = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub, exp })}`;
  return `${message}.${createHmac("sha256", options.secret).update(message).digest("base64url")}`;
}

function stop() {
  talking = false;
  const until = Date.now() + 20_000;
  const timer = setInterval(() => {
    const isDone = clients.every(({ due, owed }) => due === 0 && owed <= 0);
    if (!isDone && Date.now() < until) return;
    clearInterval(timer);
    history.end(() => process.exit());
  }, 50);
}

for (let at = 0; at < options.clients; at += 1) {
  setTimeout(() => clients.push(new Client(options.first + at)), at * OPENING_MS);
}
createInterface({ input: process.stdin }).on("line", stop).on("close", () => process.exit());
