/** The CBOR profile of spec/record.md "Encoding": a strict reader, and the canonical encoder that checks it. */
import { compare, concat, decodeUtf8, encodeUtf8, equal } from './bytes.js';

/** A CBOR item of the profile. Integers are BigInt because they reach 2^64 − 1. */
export type Value = bigint | Uint8Array | string | Value[] | ValueMap;
export interface ValueMap extends Map<bigint | string, Value> {}

/** The bytes are not CBOR in this profile. */
export class Malformed extends Error {}

/** The bytes end before the item does. */
export class EndOfInput extends Malformed {}

/** Major types of the profile (RFC 8949 §3.1). 1 (negative), 6 (tag) and 7 (float, simple) are refused. */
export const MAJOR = { uint: 0, bytes: 2, text: 3, array: 4, map: 5 } as const;

export interface Head {
  major: number;
  /** The integer itself, or the number of bytes, items or entries that follow. */
  argument: bigint;
}

const DEPTH_MAX = 8;

/** Decodes exactly one item; throws Malformed unless `encode` gives the same bytes again. */
export function decode(bytes: Uint8Array): Value {
  const decoder = new Decoder(bytes);
  const value = decoder.item(1);
  if (!decoder.ended()) throw new Malformed('bytes after the item');
  if (!equal(encode(value), bytes)) throw new Malformed('not the deterministic encoding');
  return value;
}

/** The deterministic encoding (RFC 8949 §4.2.1): shortest heads, keys in bytewise order of their encodings. */
export function encode(value: Value): Uint8Array {
  const writer = new Writer();
  writer.item(value);
  return writer.written();
}

export function encodeHead(major: number, argument: bigint): Uint8Array {
  const first = major << 5;
  if (argument < 24n) return Uint8Array.of(first | Number(argument));
  const [info, size] = argument < 1n << 8n ? [24, 1] : argument < 1n << 16n ? [25, 2] : argument < 1n << 32n ? [26, 4] : [27, 8];
  const head = new Uint8Array(1 + size);
  head[0] = first | info;
  for (let i = 0; i < size; i += 1) head[size - i] = Number((argument >> BigInt(8 * i)) & 0xffn);
  return head;
}

/** Appends items to bytes that grow: every record of a bundle is encoded again, so pieces are not made and joined. */
class Writer {
  private bytes = new Uint8Array(1024);
  private size = 0;

  written(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }

  item(value: Value): void {
    if (typeof value === 'bigint') this.put(encodeHead(MAJOR.uint, value));
    else if (typeof value === 'string') this.string(MAJOR.text, encodeUtf8(value));
    else if (value instanceof Uint8Array) this.string(MAJOR.bytes, value);
    else if (Array.isArray(value)) {
      this.put(encodeHead(MAJOR.array, BigInt(value.length)));
      for (const item of value) this.item(item);
    } else this.map(value);
  }

  private map(map: ValueMap): void {
    const entries = [...map].map(([key, item]) => ({ key: encodeKey(key), item }));
    entries.sort((a, b) => compare(a.key, b.key));
    this.put(encodeHead(MAJOR.map, BigInt(map.size)));
    for (const { key, item } of entries) {
      this.put(key);
      this.item(item);
    }
  }

  private string(major: number, bytes: Uint8Array): void {
    this.put(encodeHead(major, BigInt(bytes.length)));
    this.put(bytes);
  }

  private put(bytes: Uint8Array): void {
    const end = this.size + bytes.length;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.bytes.set(bytes, this.size);
    this.size = end;
  }
}

function encodeKey(key: bigint | string): Uint8Array {
  if (typeof key === 'bigint') return encodeHead(MAJOR.uint, key);
  const text = encodeUtf8(key);
  return concat(encodeHead(MAJOR.text, BigInt(text.length)), text);
}

/** How many bytes of argument follow an initial byte; refuses indefinite and reserved lengths. */
export function argumentSize(initial: number): number {
  const info = initial & 0x1f;
  if (info < 24) return 0;
  if (info > 27) throw new Malformed('indefinite or reserved length');
  return 1 << (info - 24);
}

/** The head made of an initial byte and its argument; refuses other major types and longer forms than needed. */
export function readHead(initial: number, argumentBytes: Uint8Array): Head {
  const major = initial >> 5;
  if (major === 1 || major > 5) throw new Malformed('a major type outside the profile');
  if (argumentBytes.length === 0) return { major, argument: BigInt(initial & 0x1f) };
  const argument = bigEndian(argumentBytes);
  // The smallest value that needs 1, 2, 4 or 8 bytes of argument.
  const least = argumentBytes.length === 1 ? 24n : 1n << BigInt(4 * argumentBytes.length);
  if (argument < least) throw new Malformed('a head that is not in its shortest form');
  return { major, argument };
}

/** Up to 8 bytes as an integer; in two halves, because arithmetic on BigInt is slow and there are many heads. */
function bigEndian(bytes: Uint8Array): bigint {
  const number = (part: Uint8Array): number => part.reduce((sum, byte) => sum * 256 + byte, 0);
  if (bytes.length < 8) return BigInt(number(bytes));
  return (BigInt(number(bytes.subarray(0, 4))) << 32n) | BigInt(number(bytes.subarray(4)));
}

/** Map keys and openings are ordered by the bytewise order of encodings: for text, shorter first, then bytewise. */
export function compareLabels(a: string, b: string): number {
  return compare(encode(a), encode(b));
}

class Decoder {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  ended(): boolean {
    return this.at === this.bytes.length;
  }

  /** Reads one item; `depth` is what the nesting would be if it is an array or a map. */
  item(depth: number): Value {
    const initial = this.take(1n)[0]!;
    const { major, argument } = readHead(initial, this.take(BigInt(argumentSize(initial))));
    switch (major) {
      case MAJOR.uint:
        return argument;
      case MAJOR.bytes:
        return this.take(argument);
      case MAJOR.text:
        return this.text(argument);
    }
    if (depth > DEPTH_MAX) throw new Malformed('nested too deep');
    return major === MAJOR.array ? this.array(argument, depth) : this.map(argument, depth);
  }

  private take(count: bigint): Uint8Array {
    if (count > BigInt(this.bytes.length - this.at)) throw new EndOfInput('the item is cut short');
    const start = this.at;
    this.at += Number(count);
    return this.bytes.subarray(start, this.at);
  }

  private text(size: bigint): string {
    const text = decodeUtf8(this.take(size));
    if (text === undefined) throw new Malformed('a text that is not UTF-8');
    return text;
  }

  // A count larger than the bytes that are left ends in EndOfInput: nothing is reserved in advance.
  private array(count: bigint, depth: number): Value[] {
    const items: Value[] = [];
    for (let i = 0n; i < count; i += 1n) items.push(this.item(depth + 1));
    return items;
  }

  private map(count: bigint, depth: number): ValueMap {
    const entries: ValueMap = new Map();
    let before: Uint8Array | undefined;
    for (let i = 0n; i < count; i += 1n) {
      const start = this.at;
      const key = this.item(depth + 1);
      if (typeof key !== 'bigint' && typeof key !== 'string') throw new Malformed('a key that is no integer and no text');
      const encoded = this.bytes.subarray(start, this.at);
      if (before !== undefined && compare(before, encoded) >= 0) throw new Malformed('keys out of order or repeated');
      before = encoded;
      entries.set(key, this.item(depth + 1));
    }
    return entries;
  }
}
