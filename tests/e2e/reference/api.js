// The internal listener: health and the emit API.

import { bearer } from "./auth.js";

const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

const FIELDS = { namespace: isString, rooms: isStrings, except: isStrings, event: isString, args: Array.isArray, audience: isAudience };

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function internal(io, settings) {
  return async (request, response) => {
    const answer = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    try {
      answer(200, await route(io, settings, request));
    } catch (error) {
      const { status = 500, code = "internal", message } = error;
      answer(status, { error: { code, message } });
    }
  };
}

async function route(io, settings, request) {
  const routes = { "/health": ["GET", () => ({ status: "ok" })], "/api/emit": ["POST", () => emit(io, settings, request)] };
  const [method, handle] = routes[request.url.split("?")[0]] ?? [];
  if (!handle) {
    throw new Refusal(404, "not_found", "no such resource");
  }
  if (request.method !== method) {
    throw new Refusal(405, "method_not_allowed", `use ${method}`);
  }
  return handle();
}

async function emit(io, settings, request) {
  if (bearer(request.headers) !== settings.api.key) {
    throw new Refusal(401, "unauthorized", "a valid API key is required");
  }
  const { namespace, rooms, except, event, args, audience } = parse(await read(request, settings.api.max_body), settings);
  const nsp = io._nsps.get(namespace);
  const operator = (rooms.length > 0 ? nsp.to(rooms) : nsp).except(except);
  const sockets = await operator.fetchSockets();
  const targets = sockets.filter((socket) => audience === "everyone" || socket.data.claims);
  targets.forEach((socket) => socket.emit(event, ...args));
  return { result: { sockets: targets.length } };
}

async function read(request, limit) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > limit) {
      throw new Refusal(413, "payload_too_large", `at most ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text, settings) {
  const refuse = (message) => {
    throw new Refusal(400, "bad_request", message);
  };
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    refuse("the body is not JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    refuse("the body is not an object");
  }
  for (const [name, value] of Object.entries(body)) {
    if (!Object.hasOwn(FIELDS, name) || !FIELDS[name](value)) {
      refuse(`the field ${name} is unknown or has the wrong type`);
    }
  }
  const emission = { namespace: "/", rooms: [], except: [], args: [], audience: "authenticated", ...body };
  if (emission.event === undefined || RESERVED.includes(emission.event)) {
    refuse("the event is missing or reserved");
  }
  if (!settings.namespaces.includes(emission.namespace)) {
    refuse("unknown namespace");
  }
  if (emission.rooms.length > settings.api.max_rooms || emission.except.length > settings.api.max_rooms) {
    refuse("too many rooms");
  }
  return emission;
}

function isString(value) {
  return typeof value === "string";
}

function isStrings(value) {
  return Array.isArray(value) && value.every(isString);
}

function isAudience(value) {
  return value === "authenticated" || value === "everyone";
}
