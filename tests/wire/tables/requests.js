/** Handshake requests that are refused: the error code over HTTP, and the status of the same query as an upgrade. */
export const REFUSED_QUERIES = [
  { query: "transport=polling", code: 5 },
  { query: "EIO=3&transport=polling", code: 5 },
  { query: "EIO=5&transport=polling", code: 5 },
  { query: "EIO=abc&transport=polling", code: 5 },
  { query: "EIO=&transport=polling", code: 5 },
  { query: "EIO=04&transport=polling", code: 5 },
  { query: "EIO=4&EIO=3&transport=polling", code: 5 },
  { query: "eio=4&transport=polling", code: 5 },
  { query: "", code: 0 },
  { query: "EIO=4", code: 0 },
  { query: "EIO=4&transport=", code: 0 },
  { query: "EIO=4&transport=abc", code: 0 },
  { query: "EIO=4&transport=Polling", code: 0 },
  { query: "EIO=4&transport=__proto__", code: 0 },
  { query: "EIO=4&transport=constructor", code: 0 },
  { query: "EIO=4&transport=webtransport", code: 0 },
  { query: "EIO=4&transport=polling%00", code: 0 },
  { query: "EIO=4&transport=polling&transport=abc", code: 0 },
  { query: "EIO=3&transport=abc&sid=nobody", code: 0, name: "an unknown transport comes before everything" },
  { query: "EIO=4&transport=polling&sid=nobody", code: 1 },
  { query: "EIO=3&transport=polling&sid=nobody", code: 1, name: "the revision is not asked of a session" },
  { query: "EIO=4&transport=polling&sid=x", code: 1 },
  { query: "EIO=4&transport=polling&sid=__proto__", code: 1 },
  { query: "EIO=4&transport=polling&sid=toString", code: 1 },
  { query: "EIO=4&transport=polling&sid=%00", code: 1 },
  { query: "EIO=4&transport=polling&sid=%zz", code: 1 },
  { query: `EIO=4&transport=polling&sid=${"s".repeat(4096)}`, code: 1, name: "a sid of 4 KiB" },
  { query: "EIO=4&transport=websocket", code: 3 },
  { query: "EIO=3&transport=websocket", code: 3, name: "a WebSocket handshake without upgrade, of another revision" },
];

/** The same as upgrade requests: answered before the 101, with 400 and the message. */
export const REFUSED_UPGRADES = [
  { query: "transport=websocket", message: "Unsupported protocol version", nodeAccepts: true },
  { query: "EIO=3&transport=websocket", message: "Unsupported protocol version", nodeAccepts: true },
  { query: "", message: "Transport unknown" },
  { query: "EIO=4", message: "Transport unknown" },
  { query: "EIO=4&transport=abc", message: "Transport unknown" },
  { query: "EIO=4&transport=__proto__", message: "Transport unknown" },
  { query: "EIO=4&transport=constructor", message: "Transport unknown" },
  { query: "EIO=4&transport=webtransport", message: "Transport unknown" },
  { query: "EIO=4&transport=polling", message: "Bad request", nodeAccepts: true },
  { query: "EIO=4&transport=websocket&transport=polling", message: "Bad request", nodeAccepts: true },
  { query: "EIO=4&transport=websocket&sid=nobody", message: "Session ID unknown" },
  { query: "EIO=4&transport=websocket&sid=__proto__", message: "Session ID unknown" },
  { query: "EIO=4&transport=websocket&sid=toString", message: "Session ID unknown" },
];

const HOST = "Host: 127.0.0.1\r\n";
const OK = "POST /engine.io/?EIO=4&transport=polling&sid=SID HTTP/1.1\r\n" + HOST;
const chunked = "Transfer-Encoding: chunked\r\n";

/**
 * Requests whose framing two parsers could read differently: 400 and no second request on that connection. A body that breaks
 * half-way (`late`) may also end the connection without an answer; a lone line feed is read by RFC 9112 as a line's end
 * (`lenient`), which leaves no second reading.
 */
export const AMBIGUOUS_REQUESTS = [
  { name: "a length and chunks", bytes: `${OK}Content-Length: 2\r\n${chunked}\r\n0\r\n\r\n` },
  { name: "two different lengths", bytes: `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\n4ab` },
  { name: "a list of lengths", bytes: `${OK}Content-Length: 2, 3\r\n\r\n4ab` },
  { name: "a length of +2", bytes: `${OK}Content-Length: +2\r\n\r\n4a` },
  { name: "a length of 0x2", bytes: `${OK}Content-Length: 0x2\r\n\r\n4a` },
  { name: "a length of -1", bytes: `${OK}Content-Length: -1\r\n\r\n` },
  { name: "a length that is no number", bytes: `${OK}Content-Length: two\r\n\r\n4a` },
  { name: "a length of 30 digits", bytes: `${OK}Content-Length: ${"9".repeat(30)}\r\n\r\n4a` },
  { name: "xchunked", bytes: `${OK}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n` },
  { name: "chunked, identity", bytes: `${OK}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n` },
  { name: "a chunk size of 0x5", late: true, bytes: `${OK}${chunked}\r\n0x5\r\n4aaaa\r\n0\r\n\r\n` },
  { name: "a chunk size of -1", late: true, bytes: `${OK}${chunked}\r\n-1\r\n4a\r\n0\r\n\r\n` },
  { name: "a chunk size of 17 digits", late: true, bytes: `${OK}${chunked}\r\n${"1".repeat(17)}\r\n4a\r\n0\r\n\r\n` },
  { name: "a chunk that is no size", late: true, bytes: `${OK}${chunked}\r\nzz\r\n4a\r\n0\r\n\r\n` },
  { name: "a chunk longer than its size", late: true, bytes: `${OK}${chunked}\r\n2\r\n4aaaa\r\n0\r\n\r\n` },
  { name: "no Host", bytes: OK.replace(HOST, "Content-Length: 0\r\n\r\n") },
  { name: "a space before the colon", bytes: `${OK}Content-Length : 2\r\n\r\n4a` },
  { name: "a folded header", bytes: `${OK}X-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\n4a` },
  { name: "a NUL in a header", bytes: `${OK}X-A: 1\0\r\nContent-Length: 2\r\n\r\n4a` },
  { name: "a bare line feed", lenient: true, bytes: `${OK}X-A: 1\nContent-Length: 2\r\n\r\n4a` },
  { name: "a bare carriage return", bytes: `${OK}X-A: 1\rX-B: 2\r\nContent-Length: 2\r\n\r\n4a` },
  { name: "a header without a name", bytes: `${OK}: 1\r\nContent-Length: 2\r\n\r\n4a` },
  { name: "a method that is none", bytes: OK.replace("POST", "P@ST") + "Content-Length: 2\r\n\r\n4a" },
  { name: "an HTTP/2 preface", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
  { name: "no HTTP at all", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" },
];
