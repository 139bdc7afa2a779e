// Decodes with the official packages. A line in is a JSON array of inputs, a line out one of what
// came of each: values are told apart by the first letter of a string, numbers come as their bits.

import { createInterface } from "node:readline";
import { decodePacket, decodePayload } from "engine.io-parser";
import { Decoder } from "socket.io-parser";

const view = new DataView(new ArrayBuffer(8));

function bits(number) {
  view.setFloat64(0, number);
  return view.getBigUint64(0).toString(16);
}

function value(data, depth = 0) {
  if (data === null || typeof data === "boolean") return data;
  if (data === undefined) return "u";
  if (typeof data === "number") return `n${bits(data)}`;
  if (typeof data === "string") return `s${data.toWellFormed()}`;
  if (Buffer.isBuffer(data)) return `b${data.toString("hex")}`;
  // Deeper than the other side can read.
  if (depth > 100) return "d";
  if (Array.isArray(data)) return data.map((item) => value(item, depth + 1));
  // Without a prototype, so that __proto__ is a key like others.
  const members = Object.create(null);
  for (const key of Object.keys(data)) members[key.toWellFormed()] = value(data[key], depth + 1);
  return members;
}

function socket(messages) {
  const packets = [];
  const due = [];
  const packet = ({ type, nsp, id, data }) => [type, value(nsp), value(id), value(data)];
  const decoder = new Decoder();
  decoder.on("decoded", (decoded) => packets.push(packet(decoded)));
  try {
    for (const message of messages) {
      decoder.add(message[0] === "t" ? message.slice(1) : Buffer.from(message.slice(1), "hex"));
    }
    // Attachments are missing.
    if (decoder.reconstructor) due.push(packet(decoder.reconstructor.packet));
    return { packets, due, refused: false };
  } catch {
    return { packets, due, refused: true };
  }
}

function engine({ type, data }) {
  return [type, value(data)];
}

const decode = {
  socket,
  frame: (text) => [engine(decodePacket(text, "nodebuffer"))],
  payload: (hex) => decodePayload(Buffer.from(hex, "hex").toString(), "nodebuffer").map(engine),
};

for await (const line of createInterface({ input: process.stdin })) {
  const outcomes = JSON.parse(line).map(([kind, input]) => decode[kind](input));
  process.stdout.write(`${JSON.stringify(outcomes)}\n`);
}
