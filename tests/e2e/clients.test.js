// Every supported client over every transport: authentication, rooms, messages, disconnects.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connected, member, open, versions, ways } from "./kit/client.js";
import { onlySockeye, start } from "./kit/server.js";
import { badTokens, token } from "./kit/tokens.js";

const ODD_NAMES = ['a"b', "\\", "line\nfeed\ttab", "\u0000", "klíč 😀", "\u2028"];
const SETTINGS = {
  namespaces: ["/", "/second"],
  auth: { rooms: ["user:{sub}", "role:{role}", "ALL"], require: { role: ["admin", "editor"] } },
  client: { join: ["room:*", "role:guest"], relay: ["chat", "typing", ...ODD_NAMES] },
};

const server = await start(SETTINGS);
const hasty = await start({ ...SETTINGS, auth: { ...SETTINGS.auth, deadline: "400ms" } });
const { url } = server;

const FAILURE = /^Authentication failure socket \S+$/;
let rooms = 0;
const freshRoom = () => `room:${++rooms}`;

for (const [version, io] of Object.entries(versions)) {
  for (const [way, transport] of Object.entries(ways)) {
    describe(`client ${version}, ${way}`, { concurrency: 6 }, () => suite(io, transport, way));
  }
}

function suite(io, transport, way) {
  const visitor = (t, options) => connected(t, url, { ...transport, ...options }, io);
  const guest = (t, options) => open(t, url, { ...transport, ...options }, io);
  const user = (t, options) => member(t, url, { ...transport, ...options }, io);

  test("connects over the transports it was given", async (t) => {
    const peer = await visitor(t);

    if (way === "upgrade") {
      await peer.upgraded();
    }

    assert.match(peer.id, /^[\w-]{20,}$/);
    assert.notEqual(peer.id, peer.socket.io.engine.id);
    assert.equal(peer.transport, way === "polling" ? "polling" : "websocket");
  });

  for (const [form, payload] of Object.entries({
    "a string": (text) => text,
    "an object with token": (text) => ({ token: text }),
    "an object with accessToken": (text) => ({ accessToken: text }),
    "an object with access_token": (text) => ({ access_token: text }),
  })) {
    test(`authenticates by event with ${form}`, async (t) => {
      const peer = await visitor(t);

      peer.emit("authentication", payload(token()));

      assert.deepEqual(await peer.next("authenticated"), [{ status: 200, message: "Authentication success" }]);
    });
  }

  test("gets the answer as an acknowledgement too when it asks for one", async (t) => {
    const peer = await visitor(t);

    const answer = await peer.ask("authentication", token());

    assert.deepEqual(answer, { status: 200, message: "Authentication success" });
    assert.deepEqual(await peer.next("authenticated"), [answer]);
  });

  for (const [place, options] of Object.entries({
    "the handshake": () => ({ auth: { token: token() } }),
    "the Authorization header": () => ({ extraHeaders: { Authorization: `Bearer ${token()}` } }),
  })) {
    test(`is authenticated at once by a token in ${place}`, async (t) => {
      const peer = await visitor(t, options());

      const joined = await peer.join(freshRoom());

      assert.ok(joined.length > 0);
      assert.deepEqual(peer.seen("authenticated"), []);
    });

    test(`is refused at connection for a bad token in ${place}`, async (t) => {
      const bad = JSON.parse(JSON.stringify(options()).replaceAll(/ey[\w.-]+/g, "garbage"));

      const [error] = await guest(t, bad).next("connect_error");

      assert.match(error.message, FAILURE);
      assert.deepEqual(error.data, { status: 401, message: error.message });
    });
  }

  test("is refused at connection for a good token that is not allowed", async (t) => {
    const [error] = await guest(t, { auth: { token: token({ role: "guest" }) } }).next("connect_error");

    assert.equal(error.message, "Access denied");
    assert.deepEqual(error.data, { status: 403, message: "Access denied" });
  });

  for (const [name, make] of Object.entries(badTokens)) {
    test(`is told 401 and dropped for ${name}`, async (t) => {
      const peer = await visitor(t);
      const { id } = peer;

      peer.emit("authentication", make());

      const { refusal, reason } = await peer.refused();
      assert.deepEqual(refusal, { status: 401, message: `Authentication failure socket ${id}` });
      assert.equal(reason, "io server disconnect");
    });
  }

  for (const [name, payload] of Object.entries({ nothing: [], null: [null], "a number": [7], "an empty object": [{}], "a token that is a number": [{ token: 7 }] })) {
    test(`is told 401 and dropped when the event carries ${name}`, async (t) => {
      const peer = await visitor(t);

      peer.emit("authentication", ...payload);

      assert.equal((await peer.refused()).refusal.status, 401);
    });
  }

  test("is told 403 and dropped for a good token that is not allowed", async (t) => {
    const peer = await visitor(t);

    peer.emit("authentication", token({ role: "guest" }));

    const { refusal, reason } = await peer.refused();
    assert.deepEqual(refusal, { status: 403, message: "Access denied" });
    assert.equal(reason, "io server disconnect");
  });

  test("is told 401 and dropped at the deadline", async (t) => {
    const peer = await connected(t, hasty.url, transport, io);
    const { id } = peer;

    const { refusal, reason } = await peer.refused();

    assert.deepEqual(refusal, { status: 401, message: `Authentication failure socket ${id}` });
    assert.equal(reason, "io server disconnect");
  });

  test("stays past the deadline once it is authenticated", async (t) => {
    const dropped = await connected(t, hasty.url, transport, io);
    const peer = await member(t, hasty.url, transport, io);
    const later = await connected(t, hasty.url, transport, io);

    await dropped.refused();
    await later.refused();

    assert.ok((await peer.join(freshRoom())).length > 0);
    assert.deepEqual(peer.seen("disconnect"), []);
  });

  test("reaches no handler before it is authenticated", async (t) => {
    const room = freshRoom();
    const [peer, other] = [await visitor(t), await user(t)];
    await other.join(room);
    const acks = [];

    peer.socket.emit("join", room, (answer) => acks.push(answer));
    peer.socket.emit("chat", { room, text: "early" }, (answer) => acks.push(answer));
    await peer.ask("authentication", token());
    const joined = await peer.join(freshRoom());

    assert.deepEqual(acks, []);
    assert.ok(!joined.includes(room), "the early join must have no effect");
    await other.ask("leave", room);
    assert.deepEqual(other.seen("chat"), []);
  });

  test("joins and leaves rooms named in each form", async (t) => {
    const peer = await user(t);
    const [a, b, c, d] = [freshRoom(), freshRoom(), freshRoom(), freshRoom()];

    const first = await peer.ask("join", a);
    const second = await peer.ask("join", { room: b });
    const third = await peer.ask("join", { rooms: [c, d] });
    const last = await peer.ask("leave", { rooms: [a, d] });

    assert.ok(first.status === "ok" && first.rooms.includes(a));
    assert.ok(second.rooms.includes(a) && second.rooms.includes(b));
    assert.ok([a, b, c, d].every((room) => third.rooms.includes(room)));
    assert.ok([b, c].every((room) => last.rooms.includes(room)));
    assert.ok(![a, d].some((room) => last.rooms.includes(room)));
  });

  for (const [what, wish] of Object.entries({
    "a room no pattern names": () => "lobby",
    "another user's room": () => "user:1",
    "a role's room": () => "role:admin",
    "the room of everyone": () => "ALL",
    "one good and one bad room": () => ({ rooms: [freshRoom(), "lobby"] }),
    "a number": () => 5,
    "an object without room": () => ({}),
    "a list of numbers": () => ({ rooms: [1] }),
    "a name of 257 bytes": () => `room:${"x".repeat(252)}`,
    "a name with a line feed": () => "room:a\nb",
  })) {
    test(`is refused ${what}`, async (t) => {
      const peer = await user(t);

      const answer = await peer.ask("join", wish());

      assert.deepEqual(answer, { status: "error", message: "room not allowed" });
    });
  }

  test("is refused more rooms than a socket may be in, and joins none of them", async (t) => {
    const peer = await user(t);
    const rooms = Array.from({ length: 1025 }, (_, number) => `room:many:${number}`);

    const before = await peer.ask("join", { rooms: rooms.slice(0, 1000) });
    const refused = await peer.ask("join", { rooms: [rooms[0], ...rooms.slice(1000)] });
    const after = await peer.ask("join", rooms[0]);

    assert.deepEqual(refused, { status: "error", message: "too many rooms" });
    assert.deepEqual(after, before);
  });

  test("relays to the others in the room, not to the sender, not to anyone else", async (t) => {
    const [room, elsewhere] = [freshRoom(), freshRoom()];
    const [sender, receiver, outsider] = await Promise.all([user(t), user(t), user(t)]);
    await Promise.all([sender.join(room), receiver.join(room), outsider.join(elsewhere)]);

    const answer = await sender.ask("chat", { room, text: "hello" }, "second argument");

    assert.deepEqual(answer, { status: "ok", sockets: 1 });
    assert.deepEqual(await receiver.next("chat"), [{ room, text: "hello" }, "second argument", { from: sender.id, user: "42" }]);
    await Promise.all([sender.join(room), outsider.join(room)]);
    assert.deepEqual([sender.seen("chat"), outsider.seen("chat")], [[], []]);
  });

  test("is told that it cannot relay to a room it is not in", async (t) => {
    const room = freshRoom();
    const [sender, receiver] = await Promise.all([user(t), user(t)]);
    await receiver.join(room);

    const answers = [await sender.ask("chat", { room }), await sender.ask("chat", { text: "no room" }), await sender.ask("chat", "text")];

    for (const { status, message } of answers) {
      assert.equal(status, "error");
      assert.equal(typeof message, "string");
    }
    await receiver.ask("leave", room);
    assert.deepEqual(receiver.seen("chat"), []);
  });

  test("is told that it is not in the room of all who are authenticated", { skip: onlySockeye }, async (t) => {
    const [sender, receiver] = await Promise.all([user(t), user(t)]);

    const answer = await sender.ask("chat", { room: "sockeye:authenticated" });

    assert.deepEqual(answer, { status: "error", message: "not in the room" });
    await receiver.join(freshRoom());
    assert.deepEqual(receiver.seen("chat"), []);
  });

  test("relays nothing that it was not told to relay", async (t) => {
    const room = freshRoom();
    const [sender, receiver] = await Promise.all([user(t), user(t)]);
    await Promise.all([sender.join(room), receiver.join(room)]);

    sender.emit("shout", { room });
    await sender.ask("typing", { room });

    await receiver.next("typing");
    assert.deepEqual(receiver.seen("shout"), []);
  });

  test("carries binary arguments through a relay unchanged", async (t) => {
    const room = freshRoom();
    const [sender, receiver] = await Promise.all([user(t), user(t)]);
    await Promise.all([sender.join(room), receiver.join(room)]);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

    await sender.ask("chat", { room, file: bytes, nested: [{ again: bytes.subarray(1, 3) }] }, Buffer.alloc(0));

    const [message, empty, { from }] = await receiver.next("chat");
    assert.ok(bytes.equals(message.file));
    assert.ok(Buffer.from([1, 2]).equals(message.nested[0].again));
    assert.equal(empty.length, 0);
    assert.equal(from, sender.id);
  });

  test("relays nothing that clients end themselves over", { skip: onlySockeye }, async (t) => {
    const room = freshRoom();
    const [sender, receiver] = await Promise.all([user(t), user(t)]);
    await Promise.all([sender.join(room), receiver.join(room)]);

    const many = await sender.ask("chat", { room }, ...Array.from({ length: 64 }, (_, n) => n));
    const most = await sender.ask("chat", { room }, ...Array.from({ length: 63 }, (_, n) => n));
    const text = await sender.ask("chat", { room, hasOwnProperty: 1, ["__proto__"]: 2 });

    assert.deepEqual(many, { status: "error", message: "too many arguments" });
    assert.deepEqual([most.status, text.status], ["ok", "ok"]);
    assert.equal((await receiver.next("chat")).length, 65);
    assert.equal((await receiver.next("chat"))[0].hasOwnProperty, 1);
  });

  test("carries keys that objects have by themselves beside a file", async (t) => {
    const room = freshRoom();
    const [sender, receiver] = await Promise.all([user(t), user(t)]);
    await Promise.all([sender.join(room), receiver.join(room)]);
    const odd = JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":3,"length":4,"_placeholder":5}');

    const answer = await sender.ask("chat", { room, odd, file: Buffer.from("file") });

    assert.equal(answer.status, "ok");
    const [message] = await receiver.next("chat");
    assert.deepEqual([message.odd.constructor, message.odd.toString, message.odd.length], [2, 3, 4]);
    assert.equal(Object.prototype.a, undefined);
  });

  test("leaves the rooms of a role that a fresh token doesn't have", { skip: onlySockeye }, async (t) => {
    const sub = `downgraded-${way}-${freshRoom()}`;
    const peer = await user(t, { claims: { sub, role: ["admin", "editor"] } });

    await peer.ask("authentication", token({ sub, role: "editor" }));

    const rooms = await peer.join(freshRoom());
    assert.ok(!rooms.includes("role:admin"), String(rooms));
    assert.ok(["role:editor", `user:${sub}`, "ALL"].every((room) => rooms.includes(room)), String(rooms));
  });

  test("carries every kind of JSON and text through a relay unchanged", async (t) => {
    const room = freshRoom();
    const [sender, receiver] = await Promise.all([user(t), user(t)]);
    await Promise.all([sender.join(room), receiver.join(room)]);
    const values = ["žluťoučký kůň 🐟 \u2028 \u0000 \u001e", "", null, true, -1.5e-7, [], {}, { "": [[null]] }, 2 ** 53 - 1];

    await sender.ask("chat", { room, "klíč 🔑": "hodnota" }, ...values);

    const args = await receiver.next("chat");
    assert.deepEqual(args.slice(0, -1), [{ room, "klíč 🔑": "hodnota" }, ...values]);
  });

  test("carries event names that JSON must escape", async (t) => {
    const room = freshRoom();
    const [sender, receiver] = await Promise.all([user(t), user(t)]);
    await Promise.all([sender.join(room), receiver.join(room)]);

    for (const name of ODD_NAMES) {
      assert.equal((await sender.ask(name, { room, name })).status, "ok", JSON.stringify(name));
    }

    for (const name of ODD_NAMES) {
      const [message] = await receiver.next(name);
      assert.deepEqual(message, { room, name });
    }
    assert.deepEqual([...sender.seen("disconnect"), ...receiver.seen("disconnect")], []);
  });

  test("carries half a megabyte in one message", async (t) => {
    const room = freshRoom();
    const [sender, receiver] = await Promise.all([user(t), user(t)]);
    await Promise.all([sender.join(room), receiver.join(room)]);
    const text = "0123456789".repeat(50_000);

    await sender.ask("chat", { room, text });

    const [message] = await receiver.next("chat");
    assert.ok(message.text === text, "the text must arrive unchanged");
  });

  test("gets two hundred events in the order they were sent", async (t) => {
    const room = freshRoom();
    const [sender, receiver] = await Promise.all([user(t), user(t)]);
    await Promise.all([sender.join(room), receiver.join(room)]);

    for (let n = 0; n < 199; n += 1) {
      sender.emit("chat", { room, n });
    }
    await sender.ask("chat", { room, n: 199 });

    const numbers = [];
    for (let n = 0; n < 200; n += 1) {
      numbers.push((await receiver.next("chat"))[0].n);
    }
    assert.deepEqual(numbers, Array.from({ length: 200 }, (_, n) => n));
  });

  test("keeps namespaces apart on one connection", async (t) => {
    const room = freshRoom();
    const [peer, other] = await Promise.all([user(t), user(t)]);
    const second = await connectedTo(t, "/second", peer, { token: token() });
    const otherSecond = await connectedTo(t, "/second", other, { token: token() });
    await Promise.all([peer, other, second, otherSecond].map((each) => each.join(room)));

    await second.ask("chat", { room, text: "second only" });
    await otherSecond.next("chat");
    await other.ask("leave", room);

    assert.notEqual(peer.id, second.id);
    assert.deepEqual(other.seen("chat"), []);
    second.socket.disconnect();
    assert.ok((await peer.join(freshRoom())).length > 0, "leaving one namespace leaves the other alone");
  });

  test("authenticates in each namespace by itself", async (t) => {
    const peer = await user(t);

    const second = await connectedTo(t, "/second", peer, {});
    const early = [];
    second.socket.emit("join", freshRoom(), (answer) => early.push(answer));
    await second.ask("authentication", token());

    assert.deepEqual(early, []);
    assert.ok((await second.join(freshRoom())).length > 0);
  });

  test("is told about a namespace that does not exist and keeps its connection", async (t) => {
    const peer = await user(t);

    const [error] = await peerOf(t, "/nope", peer, { token: token() }).next("connect_error");

    assert.equal(error.message, "Invalid namespace");
    assert.ok((await peer.join(freshRoom())).length > 0);
  });

  test("disconnects by itself and comes back as a new socket", async (t) => {
    const peer = await user(t);
    const { id } = peer;
    const room = freshRoom();
    await peer.join(room);

    const closed = peer.closed();
    peer.socket.disconnect();
    const [reason] = await peer.next("disconnect");
    await closed;
    peer.socket.connect();
    await peer.next("connect");

    assert.equal(reason, "io client disconnect");
    assert.notEqual(peer.id, id);
    assert.ok(!(await peer.join(freshRoom())).includes(room), "a new socket is in none of the old rooms");
  });

  test("leaves its rooms when it disconnects", async (t) => {
    const room = freshRoom();
    const [sender, leaver, witness] = await Promise.all([user(t), user(t), user(t)]);
    await Promise.all([sender.join(room), leaver.join(room), witness.join(room)]);
    assert.equal((await sender.ask("chat", { room })).sockets, 2);

    leaver.socket.disconnect();

    let receivers;
    do {
      receivers = (await sender.ask("chat", { room })).sockets;
    } while (receivers > 1);
    assert.equal(receivers, 1);
  });
}

function peerOf(t, namespace, peer, auth) {
  const socket = peer.socket.io.socket(namespace, { auth });
  t.after(() => socket.disconnect());
  const other = new peer.constructor(socket);
  socket.connect();
  return other;
}

async function connectedTo(t, namespace, peer, auth) {
  const other = peerOf(t, namespace, peer, auth);
  await other.admitted();
  return other;
}
