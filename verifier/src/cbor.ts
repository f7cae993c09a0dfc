/** The CBOR profile of spec/record.md "Encoding": a strict reader, and the canonical encoder that checks it. */
import { compare, decodeUtf8, encodeUtf8, equal } from './bytes.js';

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
  return decodeBy(new Decoder(bytes), bytes);
}

/**
 * The same for a form that has no map and at most so many items, arrays counted. A byte that is an item becomes an object of
 * a hundred or more: bytes that are not in their form are refused where they leave it, and not when all of them are objects.
 */
export function decodeForm(bytes: Uint8Array, itemsMax: number): Value {
  return decodeBy(new Decoder(bytes, itemsMax, false), bytes);
}

function decodeBy(decoder: Decoder, bytes: Uint8Array): Value {
  const value = decoder.item(1);
  if (!decoder.ended()) throw new Malformed('bytes after the item');
  if (!equal(encoded(value), bytes)) throw new Malformed('not the deterministic encoding');
  return value;
}

/** The deterministic encoding (RFC 8949 §4.2.1): shortest heads, keys in bytewise order of their encodings. */
export function encode(value: Value): Uint8Array {
  return encoded(value).slice();
}

export function encodeHead(major: number, argument: bigint): Uint8Array {
  const head = new Writer();
  head.head(major, argument);
  return head.written().slice();
}

/** Where every item is encoded, one at a time: each record of a bundle is encoded again, and a buffer for each would be garbage. */
let shared: Writer | undefined;

/** The encoding, until the next one is made. */
function encoded(value: Value): Uint8Array {
  shared ??= new Writer();
  shared.clear();
  shared.item(value);
  return shared.written();
}

/** Appends items to bytes that grow. */
class Writer {
  private bytes = new Uint8Array(64);
  private size = 0;

  clear(): void {
    this.size = 0;
  }

  written(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }

  item(value: Value): void {
    if (typeof value === 'bigint') this.head(MAJOR.uint, value);
    else if (typeof value === 'string') this.string(MAJOR.text, encodeUtf8(value));
    else if (value instanceof Uint8Array) this.string(MAJOR.bytes, value);
    else if (Array.isArray(value)) {
      this.head(MAJOR.array, value.length);
      for (const item of value) this.item(item);
    } else this.map(value);
  }

  head(major: number, argument: number | bigint): void {
    const first = major << 5;
    this.reserve(9);
    if (argument < 24) {
      this.bytes[this.size++] = first | Number(argument);
      return;
    }
    const [info, size] = argument < 2 ** 8 ? [24, 1] : argument < 2 ** 16 ? [25, 2] : argument < 2 ** 32 ? [26, 4] : [27, 8];
    this.bytes[this.size++] = first | info;
    // In two halves, because arithmetic on BigInt is slow and there are many heads.
    if (size === 8) this.bigEndian(Number(BigInt(argument) >> 32n), 4);
    this.bigEndian(Number(size === 8 ? BigInt(argument) & 0xffff_ffffn : argument), Math.min(size, 4));
  }

  private map(map: ValueMap): void {
    const keys = [...map.keys()].sort(compareKeys);
    this.head(MAJOR.map, map.size);
    for (const key of keys) {
      this.item(key);
      this.item(map.get(key)!);
    }
  }

  private string(major: number, bytes: Uint8Array): void {
    this.head(major, bytes.length);
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.size);
    this.size += bytes.length;
  }

  private bigEndian(number: number, size: number): void {
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) this.bytes[this.size++] = number >>> shift;
  }

  private reserve(more: number): void {
    const end = this.size + more;
    if (end <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(end, 2 * this.bytes.length));
    larger.set(this.written());
    this.bytes = larger;
  }
}

/** The bytewise order of the keys' encodings: integers by size before texts, which go by length and then bytewise. */
function compareKeys(a: bigint | string, b: bigint | string): number {
  if (typeof a === 'bigint') return typeof b === 'string' || a < b ? -1 : a === b ? 0 : 1;
  return typeof b === 'bigint' ? 1 : compareLabels(a, b);
}

/** How many bytes of argument follow an initial byte; refuses other major types, and indefinite and reserved lengths, before any of them has come. */
export function argumentSize(initial: number): number {
  const major = initial >> 5;
  if (major === 1 || major > 5) throw new Malformed('a major type outside the profile');
  const info = initial & 0x1f;
  if (info < 24) return 0;
  if (info > 27) throw new Malformed('indefinite or reserved length');
  return 1 << (info - 24);
}

/** The head made of an initial byte that `argumentSize` took, and its argument; refuses longer forms than needed. */
export function readHead(initial: number, argumentBytes: Uint8Array): Head {
  const major = initial >> 5;
  if (argumentBytes.length === 0) return { major, argument: BigInt(initial & 0x1f) };
  const argument = bigEndian(argumentBytes);
  // The smallest value that needs 1, 2, 4 or 8 bytes of argument.
  const least = argumentBytes.length === 1 ? 24n : 1n << BigInt(4 * argumentBytes.length);
  if (argument < least) throw new Malformed('a head that is not in its shortest form');
  return { major, argument };
}

/** The number of items of an array that bytes begin with, and what follows its head; undefined where they begin with something else. */
export function readArrayHead(bytes: Uint8Array): { count: bigint; rest: Uint8Array } | undefined {
  const initial = bytes[0];
  if (initial === undefined) return undefined;
  try {
    const end = 1 + argumentSize(initial);
    if (bytes.length < end) return undefined;
    const { major, argument } = readHead(initial, bytes.subarray(1, end));
    return major === MAJOR.array ? { count: argument, rest: bytes.subarray(end) } : undefined;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** Up to 8 bytes as an integer; in two halves, because arithmetic on BigInt is slow and there are many heads. */
function bigEndian(bytes: Uint8Array): bigint {
  const number = (part: Uint8Array): number => part.reduce((sum, byte) => sum * 256 + byte, 0);
  if (bytes.length < 8) return BigInt(number(bytes));
  return (BigInt(number(bytes.subarray(0, 4))) << 32n) | BigInt(number(bytes.subarray(4)));
}

/** Map keys and openings are ordered by the bytewise order of encodings: for text, shorter first, then bytewise. */
export function compareLabels(a: string, b: string): number {
  const [bytesA, bytesB] = [encodeUtf8(a), encodeUtf8(b)];
  return Math.sign(bytesA.length - bytesB.length) || compare(bytesA, bytesB);
}

const NO_BYTES = new Uint8Array(0);
/** The integers that are their own head. */
const SMALL: readonly bigint[] = Array.from({ length: 24 }, (_, number) => BigInt(number));

class Decoder {
  private at = 0;
  private items = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly itemsMax = Infinity,
    private readonly hasMaps = true,
  ) {}

  ended(): boolean {
    return this.at === this.bytes.length;
  }

  /** Reads one item; `depth` is what the nesting would be if it is an array or a map. */
  item(depth: number): Value {
    const initial = this.bytes[this.at];
    if (initial === undefined) throw new EndOfInput('the item is cut short');
    this.items += 1;
    if (this.items > this.itemsMax) throw new Malformed('more items than the form has');
    this.at += 1;
    const argumentBytes = argumentSize(initial);
    // Most heads have no more bytes, and no more is made for them.
    if (argumentBytes === 0 && initial >> 5 === MAJOR.uint) return SMALL[initial]!;
    const { major, argument } = readHead(initial, argumentBytes === 0 ? NO_BYTES : this.take(argumentBytes));
    if (major === MAJOR.uint) return argument;
    if (major === MAJOR.map && !this.hasMaps) throw new Malformed('a map in a form that has none');
    // Whatever is counted has a byte at least, so no count reaches beyond the bytes that are left.
    if (argument > BigInt(this.bytes.length - this.at)) throw new EndOfInput('the item is cut short');
    const count = Number(argument);
    if (major === MAJOR.bytes) return this.take(count);
    if (major === MAJOR.text) return this.text(count);
    if (depth > DEPTH_MAX) throw new Malformed('nested too deep');
    return major === MAJOR.array ? this.array(count, depth) : this.map(count, depth);
  }

  private take(count: number): Uint8Array {
    if (count > this.bytes.length - this.at) throw new EndOfInput('the item is cut short');
    const start = this.at;
    this.at += count;
    return this.bytes.subarray(start, this.at);
  }

  private text(size: number): string {
    const text = decodeUtf8(this.take(size));
    if (text === undefined) throw new Malformed('a text that is not UTF-8');
    return text;
  }

  private array(count: number, depth: number): Value[] {
    const items: Value[] = [];
    while (items.length < count) items.push(this.item(depth + 1));
    return items;
  }

  private map(count: number, depth: number): ValueMap {
    const entries: ValueMap = new Map();
    let before: Uint8Array | undefined;
    for (let i = 0; i < count; i += 1) {
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
