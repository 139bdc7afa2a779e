import { CLOSE } from "../kit/outcome.js";
import { RS } from "../kit/polling.js";

/** Engine packets sent to the echo session, each the whole body of a POST or a frame of its own. */
export const ENGINE_PACKETS = [
  { input: "garbage", both: CLOSE },
  { input: "9", both: CLOSE },
  { input: "", name: "nothing at all", both: CLOSE },
  { input: RS, name: "only a separator", both: CLOSE },
  { input: `${RS}4a`, name: "a leading separator", both: CLOSE },
  { input: `4a${RS}`, name: "a trailing separator", both: CLOSE, on: ["polling"] },
  { input: `4a${RS}${RS}4b`, name: "a doubled separator", both: CLOSE, on: ["polling"] },
  { input: "2", both: CLOSE },
  { input: "2probe", both: CLOSE },
  { input: "0", both: [] },
  { input: "0{}", both: [] },
  { input: "5", both: [] },
  { input: "6", both: [] },
  { input: "3", both: [] },
  { input: "3probe", both: [] },
  { input: "1", both: CLOSE, on: ["polling"] },
  { input: "1", sockeye: CLOSE, node: [], on: ["websocket"], why: "a client that says close means it" },
  { input: "b", both: [Buffer.alloc(0)] },
  { input: "bAQID", both: [Buffer.from([1, 2, 3])] },
  { input: "b!!!!", sockeye: CLOSE, node: [Buffer.alloc(0)], why: "bad base64 is refused, not guessed at" },
  { input: "b-_-_", sockeye: CLOSE, node: [Buffer.from([0xfb, 0xff, 0xbf])], why: "URL-safe base64 is not Engine.IO" },
  { input: "bAQ", sockeye: CLOSE, node: [Buffer.from([1])], why: "base64 is padded" },
  { input: "bAQID=", sockeye: CLOSE, node: [Buffer.from([1, 2, 3])], why: "base64 is padded right" },
];
