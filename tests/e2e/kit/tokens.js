// Access tokens of every kind that a server has to accept or refuse.

import { createHmac, generateKeyPairSync } from "node:crypto";
import jwt from "jsonwebtoken";

export const SECRET = "an end-to-end secret of more than 32 bytes";
export const API_KEY = "an-end-to-end-api-key-of-some-length";

export function token(claims = {}, { secret = SECRET, ...options } = {}) {
  return jwt.sign({ sub: "42", role: "admin", ...claims }, secret, { algorithm: "HS256", expiresIn: "1h", ...options });
}

// Signs whatever it is given: the library itself refuses to make most of the tokens we want refused.
export function forge(claims, header = { alg: "HS256", typ: "JWT" }, secret = SECRET) {
  const body = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  const signature = header.alg === "none" ? "" : createHmac("sha256", secret).update(body).digest("base64url");
  return `${body}.${signature}`;
}

const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

export const badTokens = {
  "not a token": () => "garbage",
  "an empty token": () => "",
  "a token signed with another secret": () => token({}, { secret: "some other secret of more than 32 bytes" }),
  "an expired token": () => token({}, { expiresIn: -60 }),
  "a token not valid yet": () => token({}, { notBefore: 60 }),
  "a token without exp": () => forge({ sub: "42", role: "admin" }),
  "a token without signature (alg none)": () => forge({ sub: "42", role: "admin", exp: inAnHour() }, { alg: "none" }),
  "a token signed with HS512": () => token({}, { algorithm: "HS512" }),
  "a token signed with RS256": () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    return jwt.sign({ sub: "42", role: "admin" }, privateKey, { algorithm: "RS256", expiresIn: "1h" });
  },
  "a token whose exp is a string": () => forge({ sub: "42", role: "admin", exp: String(inAnHour()) }),
  "a token whose nbf is a string": () => forge({ sub: "42", role: "admin", exp: inAnHour(), nbf: "1" }),
  "a token whose iat is a string": () => forge({ sub: "42", role: "admin", exp: inAnHour(), iat: "1" }),
  "a token whose sub is a number": () => forge({ sub: 42, role: "admin", exp: inAnHour() }),
  "a token whose payload was changed": () => {
    const [header, , signature] = token().split(".");
    const payload = Buffer.from(JSON.stringify({ sub: "1", role: "admin", exp: inAnHour() })).toString("base64url");
    return `${header}.${payload}.${signature}`;
  },
};
