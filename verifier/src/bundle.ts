/** A bundle by spec/bundle.md, read from chunks of bytes as they come: nothing larger than one byte string is held. */
import { concat, equal, toHex } from './bytes.js';
import { compareLabels, encode, EndOfInput, MAJOR, Malformed, readArrayHead } from './cbor.js';
import { NOTE_SIZE_MAX } from './checkpoint.js';
import { parseSpki, SPKI_SIZE, type PublicKey } from './keys.js';
import { subtreeSizes } from './merkle.js';
import { ID_SIZE, RECORD_SIZE_MAX } from './record.js';
import { Atoms, type Reading, type Source } from './source.js';

const CHUNK_COUNT_MAX = 1024;
const COSE_SIZE_MAX = 8192;
const LABEL_SIZE_MAX = 64;
const VALUE_SIZE_MAX = 1_048_576;
const HASH_COUNT_MAX = 64;
const KEY_COUNT_MAX = 256;
const EVENT_COUNT_MAX = 256;
const SETTLEMENT_COUNT_MAX = 4;
const SETTLEMENT_SIZE_MAX = 16 << 20;
const MAGIC = 'oar-bundle';
/** What follows the head of the first part's array. */
const START = concat(encode(0n), encode(MAGIC));

export interface Header {
  logId: Uint8Array;
  first: number;
  count: number;
}

export interface Opening {
  index: bigint;
  label: string;
  salt: Uint8Array;
  value: Uint8Array;
}

/** A key event outside the range: a record, its signature, and its audit path from the leaf's sibling up. */
export interface Event {
  index: bigint;
  bytes: Uint8Array;
  cose: Uint8Array;
  path: Uint8Array[];
}

/** What the reader hands over, in the order of the file. `left` and `right` come always, empty where absent. */
export type Item =
  | { part: 'header'; header: Header }
  | { part: 'keys'; keys: PublicKey[]; events: Event[] }
  | { part: 'settlement'; proof: Uint8Array }
  | { part: 'left'; hashes: Uint8Array[] }
  | { part: 'chunk'; start: number; count: number }
  | { part: 'record'; index: number; bytes: Uint8Array }
  | { part: 'signature'; index: number; cose: Uint8Array }
  | { part: 'opening'; opening: Opening }
  | { part: 'chunk-end' }
  | { part: 'checkpoint'; right: Uint8Array[]; note: Uint8Array };

/** A failure of steps 1 and 2: reading stops. `index` is the place by the rules under the table of verdict.md. */
export class BundleFault extends Error {
  constructor(
    readonly reason: 'not-a-bundle' | 'unsupported-version' | 'malformed-bundle' | 'no-records',
    readonly index: number | null,
  ) {
    super(reason);
  }
}

/** True if a file that begins with these bytes says that it is a bundle, of whatever version. */
export function looksLikeBundle(start: Uint8Array): boolean {
  const array = readArrayHead(start);
  return array !== undefined && equal(array.rest.subarray(0, START.length), START);
}

export class BundleReader {
  private readonly atoms: Atoms;
  /** Where a `malformed-bundle` found now would be (verdict.md, below the table). */
  private place = 0;
  /** Items and number of a part whose head was read to see what it is. */
  private ahead: [bigint, bigint] | undefined;

  constructor(private readonly source: Source) {
    this.atoms = new Atoms(source);
  }

  /** All items; throws BundleFault. Steps 1 and 2 of verdict.md are done here. */
  *items(): Reading<void, Item> {
    try {
      yield* this.parts();
    } catch (error) {
      throw error instanceof Malformed ? new BundleFault('malformed-bundle', this.place) : error;
    }
  }

  private *parts(): Reading<void, Item> {
    const header = yield* this.header();
    yield { part: 'header', header };
    const end = header.first + header.count;
    this.place = header.first;
    yield yield* this.keys(header);
    yield* this.settlements(header);
    yield { part: 'left', hashes: header.first === 0 ? [] : yield* this.left(header.first) };
    for (let start = header.first; start < end; start += CHUNK_COUNT_MAX) {
      yield* this.chunk(start, Math.min(CHUNK_COUNT_MAX, end - start));
    }
    this.place = end;
    const tail = yield* this.tail();
    if (!(yield* this.source.atEnd())) throw new Malformed('bytes after the checkpoint');
    // Steps 17 to 20 are for a file that has ended, so this item comes only then.
    yield tail;
  }

  private *header(): Reading<Header> {
    const items = yield* this.magic();
    if (items !== 6n) throw new Malformed('not six elements');
    const logId = yield* this.atoms.bytesOf(ID_SIZE);
    const first = yield* this.atoms.argument(MAJOR.uint);
    const count = yield* this.atoms.argument(MAJOR.uint);
    if (count === 0n) throw new BundleFault('no-records', 0);
    if (first + count > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed('indexes above 2^53 − 1');
    return { logId, first: Number(first), count: Number(count) };
  }

  /** Step 1, both rows; returns the number of items that the header's array says it has. */
  private *magic(): Reading<bigint> {
    let items: bigint;
    try {
      items = yield* this.atoms.argument(MAJOR.array);
      if (items < 2n) throw new Malformed('no room for the first two elements');
      yield* this.atoms.expect(MAJOR.uint, 0);
      if ((yield* this.atoms.text(MAGIC.length)) !== MAGIC) throw new Malformed('another magic');
    } catch (error) {
      throw error instanceof Malformed ? new BundleFault('not-a-bundle', null) : error;
    }
    try {
      if (items < 3n) throw new Malformed('no third element');
      yield* this.atoms.expect(MAJOR.uint, 1);
    } catch (error) {
      // A file that ends before its version says none: that is `malformed-bundle`, like every early end.
      if (!(error instanceof Malformed) || error instanceof EndOfInput) throw error;
      throw new BundleFault('unsupported-version', null);
    }
    return items;
  }

  /** keys = [1, [1*256 bstr], ? [1*256 event]] */
  private *keys(header: Header): Reading<Item> {
    const items = yield* this.atoms.argument(MAJOR.array);
    if (items !== 2n && items !== 3n) throw new Malformed('not two or three items');
    yield* this.atoms.expect(MAJOR.uint, 1);
    const keys: PublicKey[] = [];
    const known = new Set<string>();
    const keyCount = yield* this.countUpTo(KEY_COUNT_MAX);
    while (keys.length < keyCount) {
      const key = parseSpki(yield* this.atoms.bytes(SPKI_SIZE));
      if (key === undefined) throw new Malformed('not a SubjectPublicKeyInfo of ML-DSA-65');
      keys.push(key);
      known.add(toHex(key.id));
    }
    if (known.size < keys.length) throw new Malformed('a key twice');
    return { part: 'keys', keys, events: items === 3n ? yield* this.events(header) : [] };
  }

  private *events({ first, count }: Header): Reading<Event[]> {
    const events: Event[] = [];
    const eventCount = yield* this.countUpTo(EVENT_COUNT_MAX);
    while (events.length < eventCount) {
      const event = yield* this.event();
      const { index } = event;
      if (index >= first && index < first + count) throw new Malformed('an event in the range');
      const before = events.at(-1)?.index;
      if (before !== undefined && before >= index) throw new Malformed('events out of order');
      // Whatever came before the range came after genesis.
      if (before === undefined && index > 0n && index < first) throw new Malformed('events without genesis');
      events.push(event);
    }
    return events;
  }

  /** event = [index: uint, record: bstr, signature: bstr, path: [* id]] */
  private *event(): Reading<Event> {
    yield* this.atoms.expect(MAJOR.array, 4);
    const index = yield* this.atoms.argument(MAJOR.uint);
    if (index > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed('an event at an index above 2^53 − 1');
    const bytes = yield* this.atoms.bytes(RECORD_SIZE_MAX);
    const cose = yield* this.atoms.bytes(COSE_SIZE_MAX);
    const hashCount = yield* this.atoms.argument(MAJOR.array);
    if (hashCount > BigInt(HASH_COUNT_MAX)) throw new Malformed('a path of more than 64 hashes');
    return { index, bytes, cose, path: yield* this.hashes(Number(hashCount)) };
  }

  /** settlement = [6, bstr], up to four; the head of the part after them is read too. */
  private *settlements({ first, count }: Header): Reading<void, Item> {
    // After the keys the first chunk is due, unless tree nodes are.
    const due = first === 0 ? Math.min(CHUNK_COUNT_MAX, count) - 1 : first;
    for (let already = 0; ; already += 1) {
      this.place = due;
      const items = yield* this.atoms.argument(MAJOR.array);
      this.ahead = [items, yield* this.atoms.argument(MAJOR.uint)];
      if (items !== 2n || this.ahead[1] !== 6n) return;
      this.place = first;
      if (already === SETTLEMENT_COUNT_MAX) throw new Malformed('more than four settlements');
      yield { part: 'settlement', proof: yield* this.atoms.bytes(SETTLEMENT_SIZE_MAX) };
    }
  }

  /** left = [2, [+ id]], one for each one-bit of first */
  private *left(first: number): Reading<Uint8Array[]> {
    yield* this.partHead(2, 2);
    const count = subtreeSizes(first).length;
    yield* this.atoms.expect(MAJOR.array, count);
    return yield* this.hashes(count);
  }

  /** chunk = [3, [+ bstr], [+ bstr], [* opening]] */
  private *chunk(start: number, count: number): Reading<void, Item> {
    const last = start + count - 1;
    this.place = last;
    yield { part: 'chunk', start, count };
    yield* this.partHead(4, 3);
    yield* this.atoms.expect(MAJOR.array, count);
    for (let index = start; index <= last; index += 1) {
      this.place = index;
      yield { part: 'record', index, bytes: yield* this.atoms.bytes(RECORD_SIZE_MAX) };
    }
    this.place = last;
    yield* this.atoms.expect(MAJOR.array, count);
    for (let index = start; index <= last; index += 1) {
      this.place = index;
      yield { part: 'signature', index, cose: yield* this.atoms.bytes(COSE_SIZE_MAX) };
    }
    this.place = last;
    yield* this.openings();
    yield { part: 'chunk-end' };
  }

  private *openings(): Reading<void, Item> {
    const count = yield* this.atoms.argument(MAJOR.array);
    let before: Opening | undefined;
    for (let i = 0n; i < count; i += 1n) {
      const opening = yield* this.opening();
      if (before !== undefined && compareOpenings(before, opening) >= 0) throw new Malformed('openings out of order');
      before = opening;
      yield { part: 'opening', opening };
    }
  }

  /** opening = [index, label, salt, value] */
  private *opening(): Reading<Opening> {
    yield* this.atoms.expect(MAJOR.array, 4);
    const index = yield* this.atoms.argument(MAJOR.uint);
    const label = yield* this.atoms.text(LABEL_SIZE_MAX);
    if (label === '') throw new Malformed('an empty label');
    const salt = yield* this.atoms.bytesOf(ID_SIZE);
    const value = yield* this.atoms.bytes(VALUE_SIZE_MAX);
    return { index, label, salt, value };
  }

  /** ? right = [4, [+ id]], then checkpoint = [5, bstr] */
  private *tail(): Reading<Item> {
    let right: Uint8Array[] = [];
    yield* this.atoms.expect(MAJOR.array, 2);
    let part = yield* this.atoms.argument(MAJOR.uint);
    if (part === 4n) {
      right = yield* this.hashes(yield* this.countUpTo(HASH_COUNT_MAX));
      yield* this.atoms.expect(MAJOR.array, 2);
      part = yield* this.atoms.argument(MAJOR.uint);
    }
    if (part !== 5n) throw new Malformed('not the checkpoint');
    return { part: 'checkpoint', right, note: yield* this.atoms.bytes(NOTE_SIZE_MAX) };
  }

  /** The head of an array of 1 to `max` items. */
  private *countUpTo(max: number): Reading<number> {
    const count = yield* this.atoms.argument(MAJOR.array);
    if (count < 1n || count > BigInt(max)) throw new Malformed('an array of another size');
    return Number(count);
  }

  private *partHead(items: number, part: number): Reading<void> {
    const [haveItems, havePart] = this.ahead ?? [yield* this.atoms.argument(MAJOR.array), yield* this.atoms.argument(MAJOR.uint)];
    this.ahead = undefined;
    if (haveItems !== BigInt(items) || havePart !== BigInt(part)) throw new Malformed('another part');
  }

  private *hashes(count: number): Reading<Uint8Array[]> {
    const hashes: Uint8Array[] = [];
    while (hashes.length < count) hashes.push(yield* this.atoms.bytesOf(ID_SIZE));
    return hashes;
  }
}

/** Ascending by (index, label as a map key). */
function compareOpenings(a: Opening, b: Opening): number {
  if (a.index !== b.index) return a.index < b.index ? -1 : 1;
  return compareLabels(a.label, b.label);
}
