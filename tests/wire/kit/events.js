import assert from "node:assert/strict";

/** An event or ack as the application sees it: `{ type, namespace, id, args }`, attachments in their places. */
export async function readEvent(peer) {
  return assemble(await peer.next("an event"), () => peer.next("an attachment"));
}

/** The same from packets that are here already; what is no event stays as it is. */
export async function readEvents(packets) {
  const rest = [...packets];
  const events = [];
  while (rest.length > 0) events.push(await assemble(rest.shift(), () => rest.shift()));
  return events;
}

async function assemble(packet, nextAttachment) {
  const match = /^4([2356])(?:(\d+)-)?(?:(\/[^,]*),)?(\d+)?(\[.*)$/s.exec(packet);
  if (!match) return packet;
  const [, type, count, namespace = "/", id, json] = match;
  const attachments = [];
  for (let left = Number(count ?? 0); left > 0; left -= 1) {
    const attachment = await nextAttachment();
    assert.ok(Buffer.isBuffer(attachment), `an attachment was due, not ${attachment}`);
    attachments.push(attachment);
  }
  const revive = (_key, value) => (count && value?._placeholder === true ? attachments[value.num] : value);
  return { type: BINARY_TWIN[type] ?? type, namespace, id, args: JSON.parse(json, revive) };
}

const BINARY_TWIN = { 5: "2", 6: "3" };
