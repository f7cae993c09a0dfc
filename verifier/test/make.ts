/** An independent producer: builds keys, logs, checkpoints and bundles from the specification, for the tests to break. */
import { sha256 } from '@noble/hashes/sha2.js';
import { sha3_512 } from '@noble/hashes/sha3.js';
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { concat, encodeUtf8, join, toBase64, toHex } from '../src/bytes.js';
import { compareLabels, encode, type Value, type ValueMap } from '../src/cbor.js';
import { keyHash } from '../src/checkpoint.js';
import { parseSpki, spkiOf, type PublicKey } from '../src/keys.js';
import { leafHash, nodeHash, subtreeSizes } from '../src/merkle.js';
import { commitment, KIND, MODE, recordDigest } from '../src/record.js';
import { coseFrame, sigStructure } from '../src/signature.js';

export interface KeyPair {
  publicKey: PublicKey;
  pem: string;
  sign(message: Uint8Array): Uint8Array;
}

export function makeKey(seed: number): KeyPair {
  const pair = ml_dsa65.keygen(new Uint8Array(32).fill(seed));
  const publicKey = parseSpki(spkiOf(pair.publicKey))!;
  const lines = toBase64(publicKey.spki).match(/.{1,64}/g)!;
  const pem = ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n');
  // Signed without fresh randomness, so that every run of the tests sees the same bytes.
  return { publicKey, pem, sign: (message) => ml_dsa65.sign(message, pair.secretKey, { extraEntropy: false }) };
}

export type Change = (fields: ValueMap) => void;
export type OpeningParts = [bigint, string, Uint8Array, Uint8Array];

/** The parts of a bundle before they are encoded; `left` and `right` may be absent. */
export interface Parts {
  header: Value[];
  keys: Value[];
  left: Value[] | undefined;
  chunks: Value[][];
  right: Value[] | undefined;
  checkpoint: Value[];
}

export interface Range {
  first?: number;
  count?: number;
  size?: number;
}

/** A key and the two that may follow it; where none is named, ids of no key. */
export interface Succession {
  key: KeyPair;
  next?: KeyPair;
  recovery?: KeyPair;
}

const NO_NEXT = new Uint8Array(32).fill(0xb0);
const NO_RECOVERY = new Uint8Array(32).fill(0x19);
const KEY_EVENTS: number[] = [KIND.genesis, KIND.rotate, KIND.revoke];

export class Log {
  readonly records: Uint8Array[] = [];
  readonly signatures: Uint8Array[] = [];
  readonly openings: OpeningParts[] = [];
  private readonly seals: number[] = [];
  private readonly keyEvents: number[] = [];
  /** The keys in the order in which they come into force, each with the index of the record that does it. */
  private readonly keys: { key: KeyPair; by: number }[];
  private next: Uint8Array;
  private recovery: Uint8Array;

  constructor(first: KeyPair, { next, recovery }: Omit<Succession, 'key'> = {}) {
    this.keys = [{ key: first, by: -1 }];
    this.next = next?.publicKey.id ?? NO_NEXT;
    this.recovery = recovery?.publicKey.id ?? NO_RECOVERY;
  }

  get id(): Uint8Array {
    return sha256(this.records[0]!);
  }

  /** The key in force after the last record. */
  get key(): KeyPair {
    return this.keys.at(-1)!.key;
  }

  keyAfter(size: number): KeyPair {
    return this.keys.filter(({ by }) => by < size).at(-1)!.key;
  }

  genesis(change: Change = () => {}): this {
    const facts = new Map<string, Value>([['key', this.key.publicKey.spki], ['next', this.next], ['recovery', this.recovery]]);
    return this.add(KIND.genesis, [[12n, facts]], change);
  }

  /** The key in force hands over to `key`, which proves itself; `proof` may be another. */
  rotate({ key, next, recovery }: Succession, change: Change = () => {}, proof?: Uint8Array): this {
    const index = this.records.length;
    const nextId = next?.publicKey.id ?? NO_NEXT;
    const recoveryId = recovery?.publicKey.id ?? this.recovery;
    const message = rotationMessage(this.id, index, recordDigest(this.records[index - 1]!), [key.publicKey.id, nextId, recoveryId]);
    const facts = new Map<string, Value>([
      ['key', key.publicKey.spki],
      ['next', nextId],
      ['recovery', recoveryId],
      ['proof', proof ?? key.sign(message)],
    ]);
    this.add(KIND.rotate, [[10n, 'key.rotate'], [12n, facts]], change);
    this.commit({ key, by: index }, nextId, recoveryId);
    return this;
  }

  /** Of an older key, signed by the key in force; with a successor of the key in force, signed by that successor. */
  revoke(revoked: KeyPair, worth: { effective: number; since?: number }, successor?: Succession, change: Change = () => {}): this {
    const index = this.records.length;
    const facts = new Map<string, Value>([['revoked', revoked.publicKey.id], ['effective', BigInt(worth.effective)]]);
    if (worth.since !== undefined) facts.set('since', BigInt(worth.since));
    if (successor !== undefined) {
      const [next, recovery] = [successor.next?.publicKey.id ?? NO_NEXT, successor.recovery?.publicKey.id ?? NO_RECOVERY];
      facts.set('key', successor.key.publicKey.spki).set('next', next).set('recovery', recovery);
      this.commit({ key: successor.key, by: index }, next, recovery);
    }
    return this.add(KIND.revoke, [[10n, 'key.revoke'], [12n, facts]], change);
  }

  erase(record: number, labels: string[], change: Change = () => {}): this {
    const facts = new Map<string, Value>([
      ['record', BigInt(record)],
      ['record_digest', recordDigest(this.records[record]!)],
      ['labels', labels],
    ]);
    return this.add(KIND.erase, [[10n, 'erase'], [12n, facts]], change);
  }

  /** An intent that commits to `prompt`; the opening is kept beside the log. */
  intent(change: Change = () => {}): this {
    const [salt, value] = [new Uint8Array(32).fill(this.records.length), encodeUtf8('what is asked')];
    this.openings.push([BigInt(this.records.length), 'prompt', salt, value]);
    const commitments = new Map([['prompt', commitment(salt, 'prompt', value)]]);
    return this.add(KIND.intent, [[12n, new Map([['top_k', 40n]])], [13n, commitments]], change);
  }

  /** An intent that commits to one field of any name; its opening is kept beside the log. */
  commitTo(label: string, value: Uint8Array): this {
    const salt = new Uint8Array(32).fill(this.records.length);
    this.openings.push([BigInt(this.records.length), label, salt, value]);
    return this.add(KIND.intent, [[13n, new Map([[label, commitment(salt, label, value)]])]]);
  }

  outcome(intent: number, change: Change = () => {}): this {
    return this.add(KIND.outcome, [[14n, recordDigest(this.records[intent]!)], [15n, 0n]], change);
  }

  seal(change: Change = () => {}): this {
    const size = this.records.length;
    const since = this.signatures.slice(this.seals.at(-1) ?? 0);
    const facts = new Map<string, Value>([['size', BigInt(size)], ['root', this.root(size)], ['signatures', sha3_512(join(since))]]);
    this.seals.push(size);
    return this.add(KIND.seal, [[12n, facts]], change);
  }

  add(kind: number, more: [bigint, Value][] = [], change: Change = () => {}): this {
    const index = this.records.length;
    const mode = kind === KIND.detail || kind === KIND.heartbeat ? MODE.sealed : MODE.each;
    const fields: ValueMap = new Map<bigint, Value>([
      [1n, 1n],
      [2n, index === 0 ? new Uint8Array(32) : this.id],
      [3n, BigInt(index)],
      [5n, 1_795_420_800_000n + BigInt(index)],
      [6n, [new Uint8Array(32).fill(0x9d), 8_213_004_512n]],
      [7n, BigInt(kind)],
      [8n, [0n, this.key.publicKey.id]],
      [9n, [new Uint8Array(32).fill(0x77), 1n]],
      [10n, 'generate'],
      [16n, BigInt(mode)],
      [17n, this.key.publicKey.id],
      ...more,
    ]);
    if (index > 0) fields.set(4n, recordDigest(this.records[index - 1]!));
    if (KEY_EVENTS.includes(kind)) this.keyEvents.push(index);
    change(fields);
    this.records.push(encode(fields));
    this.signatures.push(fields.get(16n) === 0n ? this.cose(index) : new Uint8Array(0));
    return this;
  }

  /** The COSE_Sign1 of record `index` by another key, if wanted. */
  cose(index: number, key = this.key): Uint8Array {
    const keyId = key.publicKey.id;
    return concat(coseFrame(keyId), key.sign(sigStructure(keyId, this.id, recordDigest(this.records[index]!))));
  }

  /** RFC 6962 root of the first `size` records, by its definition. */
  root(size: number, from = 0): Uint8Array {
    if (size - from === 1) return leafHash(this.records[from]!);
    let split = 1;
    while (split * 2 < size - from) split *= 2;
    return nodeHash(this.root(from + split, from), this.root(size, from + split));
  }

  /** RFC 6962 §2.1.1: the audit path of the leaf at `index`, from its sibling up. */
  path(index: number, size: number, from = 0): Uint8Array[] {
    if (size - from === 1) return [];
    let split = 1;
    while (split * 2 < size - from) split *= 2;
    const middle = from + split;
    return index < middle
      ? [...this.path(index, middle, from), this.root(size, middle)]
      : [...this.path(index, size, middle), this.root(middle, from)];
  }

  checkpoint(size = this.records.length, key = this.keyAfter(size)): string {
    const log = toHex(this.id);
    const text = `mickai.log/${log}\n${size}\n${toBase64(this.root(size))}\n`;
    const signed = concat(keyHash(log, key.publicKey), key.sign(encodeUtf8(text)));
    return `${text}\n— mickai.log/${log} ${toBase64(signed)}\n`;
  }

  parts(range: Range = {}, openings: OpeningParts[] = []): Parts {
    const { first = 0, size = this.records.length } = range;
    const { count = size - first } = range;
    const end = first + count;
    const left = this.leftHashes(first);
    const right = this.rightHashes(0, size, end);
    return {
      header: [0n, 'oar-bundle', 1n, this.id, BigInt(first), BigInt(count)],
      keys: this.keysPart(first, end, size),
      left: left.length > 0 ? [2n, left] : undefined,
      chunks: this.chunks(first, end, openings),
      right: right.length > 0 ? [4n, right] : undefined,
      checkpoint: [5n, encodeUtf8(this.checkpoint(size))],
    };
  }

  bundle(range: Range = {}, openings: OpeningParts[] = []): Uint8Array {
    return encodeParts(this.parts(range, openings));
  }

  /** A fork proof of this log as B, and a note of a smaller or equal size as A. */
  fork(a: string, sizeA: number, size = this.records.length): Value[] {
    const lists = sizeA < size ? [this.leftHashes(sizeA), this.rightHashes(0, size, sizeA)] : [[], []];
    return ['oar-fork', 1n, encodeUtf8(a), encodeUtf8(this.checkpoint(size)), ...lists];
  }

  private commit(key: { key: KeyPair; by: number }, next: Uint8Array, recovery: Uint8Array): void {
    this.keys.push(key);
    [this.next, this.recovery] = [next, recovery];
  }

  private keysPart(first: number, end: number, size: number): Value[] {
    const keys = this.keys.filter(({ by }) => by < size).map(({ key }) => key.publicKey.spki);
    const all = this.keyEvents.filter((index) => index < size);
    const outside = all.length > 1 ? all.filter((index) => index < first || index >= end) : [];
    const events = outside.map((index) => [BigInt(index), this.records[index]!, this.signatures[index]!, this.path(index, size)]);
    return events.length > 0 ? [1n, keys, events] : [1n, keys];
  }

  private chunks(first: number, end: number, openings: OpeningParts[]): Value[][] {
    const chunks: Value[][] = [];
    for (let start = first; start < end; start += 1024) {
      const stop = Math.min(start + 1024, end);
      const inside = openings.filter(([index]) => index >= start && index < stop);
      inside.sort((a, b) => Number(a[0] - b[0]) || compareLabels(a[1], b[1]));
      chunks.push([3n, this.records.slice(start, stop), this.signatures.slice(start, stop), inside]);
    }
    return chunks;
  }

  private leftHashes(first: number): Uint8Array[] {
    let from = 0;
    return subtreeSizes(first).map((size) => {
      from += size;
      return this.root(from, from - size);
    });
  }

  private rightHashes(lo: number, hi: number, end: number): Uint8Array[] {
    if (hi <= end) return [];
    if (lo >= end) return [this.root(hi, lo)];
    let split = 1;
    while (split * 2 < hi - lo) split *= 2;
    return [...this.rightHashes(lo, lo + split, end), ...this.rightHashes(lo + split, hi, end)];
  }
}

export function encodeParts({ header, keys, left, chunks, right, checkpoint }: Parts): Uint8Array {
  return join([header, keys, left, ...chunks, right, checkpoint].filter((part) => part !== undefined).map(encode));
}

/** What a rotation's `proof` signs; `ids` are those of key, next and recovery. */
export function rotationMessage(log: Uint8Array, index: number, prev: Uint8Array, ids: Uint8Array[]): Uint8Array {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(BigInt(index));
  return concat(encodeUtf8('oar-rotate-v1\0'), log, place, prev, ...ids);
}

/** A revocation statement by `signer`. */
export function statement(log: Log, revoked: KeyPair, { effective, since }: { effective: number; since?: number }, signer: KeyPair): Value[] {
  const times = since === undefined ? [] : [BigInt(since)];
  return stated(['oar-revocation', 1n, log.id, revoked.publicKey.id, BigInt(effective), times], signer);
}

/** The six elements of a statement, whatever they are, signed. */
export function stated(said: Value[], signer: KeyPair): Value[] {
  return [...said, signer.publicKey.spki, signer.sign(concat(encodeUtf8('oar-revoke-v1\0'), encode(said)))];
}

/** A change of facts, of which undefined deletes. */
export function setFacts(changes: { [fact: string]: Value | undefined }): Change {
  return (fields) => {
    const facts = fields.get(12n) as Map<string, Value>;
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) facts.delete(name);
      else facts.set(name, value);
    }
  };
}

/** A change that sets fields, or deletes those given as undefined. */
export function set(changes: { [field: number]: Value | undefined }): Change {
  return (fields) => {
    for (const [field, value] of Object.entries(changes)) {
      if (value === undefined) fields.delete(BigInt(field));
      else fields.set(BigInt(field), value);
    }
  };
}
