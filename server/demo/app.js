// The demo page: one socket, its deadline, its rooms, and every packet that passes.

const MAX_ROWS = 500;
const ENGINE = { open: 0, close: 1, ping: 2, pong: 3, message: 4, upgrade: 5, noop: 6 };
const SOCKET = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"];
const PHASES = {
  offline: { status: "offline", countdown: "seconds" },
  connecting: { status: "connecting", countdown: "seconds" },
  pending: { status: "waiting for a token", countdown: "seconds" },
  authenticated: { status: "authenticated", countdown: "you are in" },
  refused: { status: "dropped", countdown: "dropped" },
};

const ui = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const page = document.body;

let facts = { token: "", apiKey: "", internal: "", deadlineMs: 10_000 };
let socket = null;
let rooms = [];
let currentRoom = null;
let deadline = null;

start();

async function start() {
  ui.messages.dataset.empty = "Messages of your rooms show up here.";
  ui.notifications.dataset.empty = "Run the command above: the notification shows up here.";
  ui.log.dataset.empty = "Connect to see the handshake.";
  listen();
  showPhase("offline");
  try {
    facts = await (await fetch("/dev.json")).json();
  } catch (error) {
    note(`could not read /dev.json: ${error.message}`);
  }
  ui.token.value = facts.token;
  showTokenOwner();
  showSeconds(facts.deadlineMs);
  showCurl();
}

function listen() {
  onSubmit(ui["connection-form"], connect);
  onSubmit(ui["auth-form"], authenticate);
  onSubmit(ui["join-form"], () => join(ui.room.value.trim()));
  onSubmit(ui["chat-form"], say);
  ui.disconnect.addEventListener("click", () => socket.disconnect());
  ui.token.addEventListener("input", showTokenOwner);
  ui.audience.addEventListener("change", showCurl);
  ui.copy.addEventListener("click", copyCurl);
  ui.clear.addEventListener("click", () => ui.log.replaceChildren());
  for (const what of ["heartbeats", "events"]) {
    ui[`show-${what}`].addEventListener("change", ({ target }) => ui.log.classList.toggle(`hide-${what}`, !target.checked));
  }
}

function onSubmit(form, act) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

// The connection

function connect() {
  const inHandshake = ui["in-handshake"].checked;
  const chosen = document.querySelector("[name=transport]:checked").value;
  const auth = inHandshake ? { token: ui.token.value.trim() } : {};
  socket = window.io({ transports: chosen.split(","), forceNew: true, autoConnect: false, auth });
  showRefusal("");
  showPhase("connecting");

  socket.on("connect", () => (inHandshake ? admitted() : pending()));
  socket.on("connect_error", refusedAtConnection);
  socket.on("disconnect", disconnected);
  socket.on("authenticated", admitted);
  socket.on("unauthorized", ({ status, message }) => showRefusal(`${status}: ${message}`));
  socket.on("chat", heard);
  socket.on("new-notification", notified);
  socket.onAny((event, ...args) => log("in", "event", event, print(args)));
  socket.onAnyOutgoing((event, ...args) => log("out", "event", event, print(args)));
  socket.io.on("reconnect_attempt", () => {
    showPhase("connecting");
    queueMicrotask(watchEngine);
  });
  socket.connect();
  watchEngine();
}

function pending() {
  showPhase("pending");
  ui.token.focus({ preventScroll: true });
}

function admitted() {
  stopCountdown();
  showPhase("authenticated");
  ui.room.focus({ preventScroll: true });
}

function refusedAtConnection(error) {
  note(`connect_error: ${error.message}`);
  const refusal = error.data ? `${error.data.status}: ${error.message}` : error.message;
  showRefusal(refusal);
  if (!socket.active) {
    stopCountdown();
    showPhase("refused");
  }
}

function disconnected(reason) {
  note(`disconnected: ${reason}`);
  stopCountdown();
  setRooms([]);
  if (reason === "io server disconnect") {
    showRefusal([ui.refusal.textContent, `(${reason})`].filter(Boolean).join(" "));
  }
  showPhase(reason === "io server disconnect" ? "refused" : socket.active ? "connecting" : "offline");
}

function authenticate() {
  socket.emit("authentication", ui.token.value.trim());
}

// The countdown: from the request to enter the namespace until the socket is authenticated

function startCountdown() {
  deadline = performance.now() + facts.deadlineMs;
  const tick = () => {
    if (deadline === null) {
      return;
    }
    const left = Math.max(0, deadline - performance.now());
    showSeconds(left);
    ui.ring.style.strokeDashoffset = 1 - left / facts.deadlineMs;
    requestAnimationFrame(tick);
  };
  tick();
}

function stopCountdown() {
  deadline = null;
  ui.ring.style.removeProperty("stroke-dashoffset");
}

function showSeconds(left) {
  setText(ui.seconds, String(Math.ceil(left / 1000)));
}

// Rooms and chat

function join(room) {
  socket.emit("join", room, (answer) => {
    if (answer.status !== "ok") {
      return showLine("", `Could not join ${room}: ${answer.message}.`);
    }
    currentRoom = room;
    setRooms(answer.rooms);
    ui.message.focus({ preventScroll: true });
  });
}

function leave(room) {
  socket.emit("leave", room, (answer) => setRooms(answer.rooms ?? rooms.filter((other) => other !== room)));
}

// Rooms that come with an identity can be neither left nor spoken in from here.
function setRooms(names) {
  rooms = names.filter((name) => name !== socket.id);
  const own = rooms.filter(isOpen);
  currentRoom = own.includes(currentRoom) ? currentRoom : own.at(-1) ?? null;
  ui.rooms.replaceChildren(...rooms.map((room) => (isOpen(room) ? chip(room) : build("li", { className: "owned" }, room))));
  ui.send.disabled = currentRoom === null;
  showAudiences();
}

function isOpen(room) {
  return room !== "ALL" && !/^(user|role):/.test(room);
}

function chip(room) {
  const choose = build("button", { type: "button", ariaPressed: String(room === currentRoom) }, room);
  const quit = build("button", { type: "button", ariaLabel: `Leave ${room}` }, "×");
  choose.addEventListener("click", () => {
    currentRoom = room;
    setRooms(rooms);
  });
  quit.addEventListener("click", () => leave(room));
  return build("li", {}, choose, quit);
}

function say() {
  const [room, text] = [currentRoom, ui.message.value];
  ui.message.value = "";
  socket.emit("chat", { room, text }, (answer) => {
    const outcome = answer.status === "ok" ? `to ${answer.sockets} in ${room}` : `not sent: ${answer.message}`;
    showLine("mine", text, `you, ${outcome}`);
  });
}

function heard({ room, text }, { from, user }) {
  showLine("theirs", String(text), `${user ?? "anonymous"} (${from.slice(0, 6)}) in ${room}`);
}

function showLine(whose, text, about = "") {
  const line = build("li", { className: whose }, build("small", {}, about), text);
  append(ui.messages, line);
}

// Notifications

function notified(...args) {
  const [first] = args;
  const text = first?.text ?? first?.message ?? print(args);
  ui.notifications.prepend(build("li", {}, build("small", {}, clock()), String(text)));
}

function showAudiences() {
  const options = [
    ["Everyone who is authenticated", null],
    ...(socket?.connected ? [["This tab only", socket.id]] : []),
    ...rooms.map((room) => [`Room ${room}`, room]),
  ];
  const chosen = ui.audience.value;
  ui.audience.replaceChildren(...options.map(([label, room]) => build("option", { value: room ?? "" }, label)));
  ui.audience.value = options.some(([, room]) => room === chosen) ? chosen : "";
  showCurl();
}

function showCurl() {
  const room = ui.audience.value;
  const body = { event: "new-notification", args: [{ text: "Hello from the terminal" }], ...(room && { rooms: [room] }) };
  ui.curl.textContent = [
    `curl -sS ${facts.internal}/api/emit`,
    `-H ${quote(`Authorization: Bearer ${facts.apiKey}`)}`,
    `-d ${quote(JSON.stringify(body))}`,
  ].join(" \\\n  ");
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

async function copyCurl() {
  try {
    await navigator.clipboard.writeText(ui.curl.textContent);
    ui.copy.textContent = "Copied";
  } catch {
    // The clipboard needs a secure page; a selection can be copied on any.
    getSelection().selectAllChildren(ui.curl);
    ui.copy.textContent = "Selected";
  }
  ui.copy.addEventListener("blur", () => (ui.copy.textContent = "Copy"), { once: true });
}

// The log

function watchEngine() {
  const { engine } = socket.io;
  const packet = (direction) => ({ type, data }) => {
    const isHeartbeat = type === "ping" || type === "pong";
    log(direction, isHeartbeat ? "heartbeat" : "packet", nameOf(type, data), `${data instanceof ArrayBuffer ? "" : ENGINE[type]}${print(data)}`);
    if (direction === "out" && type === "message" && String(data).startsWith("0") && deadline === null) {
      startCountdown();
    }
  };
  engine.on("packet", packet("in"));
  engine.on("packetCreate", packet("out"));
  engine.on("handshake", showTransport);
  engine.on("upgrading", ({ name }) => note(`probing ${name}`));
  engine.on("upgrade", ({ name }) => {
    note(`upgraded to ${name}`);
    showTransport();
  });
  engine.on("close", showTransport);
}

function nameOf(type, data) {
  return type === "message" ? SOCKET[data?.[0]] ?? "attachment" : type;
}

function note(text) {
  log("", "note", "note", text);
}

function log(direction, kind, name, text) {
  const row = build(
    "li",
    {},
    build("time", {}, clock()),
    build("span", { className: direction }, { in: "← in", out: "→ out" }[direction] ?? "·"),
    build("span", { className: "by" }, socket?.io.engine?.transport?.name ?? ""),
    build("span", {}, name),
    build("code", {}, text),
  );
  row.dataset.kind = kind;
  append(ui.log, row);
  while (ui.log.childElementCount > MAX_ROWS) {
    ui.log.firstElementChild.remove();
  }
}

function print(value) {
  if (value === undefined) {
    return "";
  }
  if (typeof value === "string") {
    return value;
  }
  if (value instanceof ArrayBuffer) {
    return `[${value.byteLength} bytes]`;
  }
  return value
    .filter((part) => typeof part !== "function")
    .map((part) => JSON.stringify(part))
    .join(", ");
}

// The page

function showPhase(phase) {
  page.dataset.phase = phase;
  const { status, countdown } = PHASES[phase];
  const [offline, inside] = [phase === "offline" || phase === "refused", phase === "authenticated"];
  setText(ui.status, status);
  setText(ui["countdown-label"], countdown);
  setText(ui["socket-id"], socket?.id ?? "none");
  if (phase === "authenticated") {
    setText(ui.seconds, "✓");
  } else if (phase === "refused") {
    setText(ui.seconds, "✕");
  } else if (offline) {
    showSeconds(facts.deadlineMs);
  }
  ui.connect.disabled = !offline;
  ui.disconnect.disabled = offline;
  ui.transports.disabled = !offline;
  ui["in-handshake"].disabled = !offline;
  ui.authenticate.disabled = phase !== "pending";
  ui.join.disabled = !inside;
  ui.send.disabled = !inside || currentRoom === null;
  showTransport();
  showAudiences();
}

function showTransport() {
  const { engine } = socket?.io ?? {};
  setText(ui.transport, engine?.readyState === "open" ? engine.transport.name : "none");
}

function showRefusal(text) {
  ui.refusal.textContent = text;
}

function showTokenOwner() {
  let owner = "";
  try {
    const payload = ui.token.value.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const { sub, role } = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (byte) => byte.charCodeAt(0))));
    owner = `of ${[sub, role].filter(Boolean).join(", ")}`;
  } catch {
    owner = "that cannot be read";
  }
  setText(ui["token-owner"], owner);
}

function append(list, item) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(item);
  if (atEnd) {
    list.scrollTop = list.scrollHeight;
  }
}

function build(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function clock() {
  return new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
}
