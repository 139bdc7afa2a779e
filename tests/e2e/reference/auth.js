// Who a socket is, which rooms that gives it, and which rooms it may ask for.

import jwt from "jsonwebtoken";

export const failure = (id) => ({ status: 401, message: `Authentication failure socket ${id}` });
export const denied = { status: 403, message: "Access denied" };
export const success = { status: 200, message: "Authentication success" };

// The claims, or a refusal: `{ claims }` or `{ refusal }`.
export function verify(token, settings, socketId) {
  const { secret, issuer, audience } = settings.auth.jwt;
  let claims;
  try {
    claims = jwt.verify(token, secret, { algorithms: ["HS256"], issuer, audience });
  } catch {
    return { refusal: failure(socketId) };
  }
  if (!wellTyped(claims)) {
    return { refusal: failure(socketId) };
  }
  const allowed = Object.entries(settings.auth.require ?? {}).every(([claim, wanted]) => [wanted].flat().includes(claims[claim]));
  return allowed ? { claims } : { refusal: denied };
}

export function roomsFor(claims, templates) {
  return templates.flatMap((template) => {
    const holes = [...template.matchAll(/\{(\w+)\}/g)].map(([, claim]) => claim);
    return holes.every((claim) => claims[claim] !== undefined) ? [template.replace(/\{(\w+)\}/g, (_, claim) => claims[claim])] : [];
  });
}

// A bare `*` names no room that belongs to an identity or to one socket.
export function mayJoin(room, patterns, namespace) {
  const owned = room === "ALL" || /^(user|role):/.test(room) || namespace.sockets.has(room);
  return patterns.filter((pattern) => !(owned && pattern === "*")).some((pattern) => matches(room, pattern));
}

export function bearer(headers) {
  return headers.authorization?.match(/^Bearer (.+)$/i)?.[1];
}

function wellTyped(claims) {
  const number = (value) => typeof value === "number";
  const absentOr = (test, value) => value === undefined || test(value);
  return number(claims.exp) && absentOr(number, claims.iat) && absentOr(number, claims.nbf) && absentOr((sub) => typeof sub === "string", claims.sub);
}

function matches(room, pattern) {
  const source = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*");
  return new RegExp(`^${source}$`, "s").test(room);
}
