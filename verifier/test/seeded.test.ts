/** Seeded cases by spec/seeded.md: one hash for each encoding, which every implementation gives. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { after, before, test } from 'node:test';
import { concat, encodeUtf8, join, toBase64, toHex } from '../src/bytes.js';
import { compareLabels, encode, type Value } from '../src/cbor.js';
import { keyHash } from '../src/checkpoint.js';
import { pureHashes, useHashes } from '../src/hashes.js';
import { PUBLIC_KEY_SIZE, parseSpki, SIGNATURE_SIZE, spkiOf, type PublicKey } from '../src/keys.js';
import { subtreeSizes } from '../src/merkle.js';
import { nodeHashes } from '../src/node-hashes.js';
import { commitment, KIND, parseRecord, recordDigest } from '../src/record.js';
import { coseFrame, sigStructure } from '../src/signature.js';
import { encodeParts, rotationMessage } from './make.js';
import { VECTORS } from './vectors.js';

before(() => useHashes(nodeHashes));
after(() => useHashes(pureHashes));

/** The draws of one case ("The stream of a case"). */
class Draw {
  private readonly start: Uint8Array;
  private block = 0;
  private pool: Uint8Array = new Uint8Array(0);

  constructor(encoding: string, number: number) {
    this.start = concat(encodeUtf8(`oar-seeded-v1\0${encoding}\0`), bigEndian(number));
  }

  bytes(count: number): Uint8Array {
    const missing = Math.ceil(Math.max(0, count - this.pool.length) / 32);
    if (missing > 0) this.pool = join([this.pool, ...this.list(missing, () => this.next())]);
    const drawn = this.pool.subarray(0, count);
    this.pool = this.pool.subarray(count);
    return drawn;
  }

  private next(): Uint8Array {
    this.block += 1;
    return createHash('sha256').update(this.start).update(bigEndian(this.block - 1)).digest();
  }

  below(end: number): number {
    const [a, b, c, d] = this.bytes(4);
    return (a! * 2 ** 24 + b! * 2 ** 16 + c! * 2 ** 8 + d!) % end;
  }

  /** bytes(below(end)) */
  some(end: number): Uint8Array {
    return this.bytes(this.below(end));
  }

  uint(): bigint {
    return BigInt(`0x${toHex(this.bytes(2 ** this.below(4)))}`);
  }

  size(): bigint {
    return (this.uint() % (2n ** 53n - 1n)) + 1n;
  }

  label(): string {
    return String.fromCharCode(...this.list(this.below(64) + 1, () => 0x61 + this.below(26)));
  }

  list<T>(count: number, draw: (place: number) => T): T[] {
    return Array.from({ length: count }, (_, place) => draw(place));
  }

  map<T extends Value>(end: number, value: () => T): Map<string, T> {
    return new Map(this.list(this.below(end), () => [this.label(), value()]));
  }

  hashes(count: number): Uint8Array[] {
    return this.list(count, () => this.bytes(32));
  }

  key(): PublicKey {
    return parseSpki(spkiOf(this.bytes(PUBLIC_KEY_SIZE)))!;
  }

  signature(): Uint8Array {
    return this.bytes(SIGNATURE_SIZE);
  }

  /** A note that is none. */
  ascii(): Uint8Array {
    return this.some(200).map((byte) => byte % 128);
  }

  fact(): Value {
    const item = (): Value => (this.below(2) === 0 ? this.uint() : this.label());
    const kinds = [() => this.uint(), () => this.some(40), () => this.label(), () => this.list(this.below(4), item)];
    return kinds[this.below(4)]!();
  }
}

/** How many cases there are of an encoding, and the bytes of one ("The encodings"). */
const ENCODINGS: { [encoding: string]: [number, (draw: Draw) => Uint8Array] } = {
  record: [10_000, record],
  digest: [10_000, (draw) => recordDigest(draw.some(600))],
  commitment: [10_000, (draw) => commitment(draw.bytes(32), draw.label(), draw.some(600))],
  signed: [10_000, (draw) => sigStructure(draw.bytes(32), draw.bytes(32), draw.bytes(64))],
  cose: [1_000, (draw) => concat(coseFrame(draw.bytes(32)), draw.signature())],
  checkpoint: [1_000, checkpoint],
  rotation: [1_000, (draw) => rotationMessage(draw.bytes(32), Number(draw.size()), draw.bytes(64), [draw.key().id, draw.bytes(32), draw.bytes(32)])],
  statement: [1_000, statement],
  fork: [10_000, (draw) => encode(['oar-fork', 1n, draw.ascii(), draw.ascii(), draw.hashes(draw.below(4)), draw.hashes(draw.below(4))])],
  bundle: [1_000, bundle],
};

function record(draw: Draw): Uint8Array {
  const fields = new Map<bigint, Value>([[1n, 1n], [2n, draw.bytes(32)]]);
  const index = draw.size() - 1n;
  fields.set(3n, index);
  if (index > 0n) fields.set(4n, draw.bytes(64));
  fields.set(5n, draw.uint()).set(6n, [draw.bytes(32), draw.uint()]);
  const kind = [0, 1, 2, 3, 5, 6, 7, 12, 13, 15, 17][draw.below(11)]!;
  fields.set(7n, BigInt(kind)).set(8n, [BigInt(draw.below(5)), draw.bytes(32)]).set(9n, [draw.bytes(32), draw.uint()]).set(10n, draw.label());
  const count = index >= 8n ? draw.below(4) : 0;
  const causes = draw.list(count, (j) => [index - BigInt(count - j), draw.bytes(64)]);
  // What is empty is absent.
  if (count > 0) fields.set(11n, causes);
  const [facts, commitments] = [draw.map(5, () => draw.fact()), draw.map(4, () => draw.bytes(32))];
  if (facts.size > 0) fields.set(12n, facts);
  if (commitments.size > 0) fields.set(13n, commitments);
  if (kind === KIND.outcome) fields.set(14n, draw.bytes(64)).set(15n, BigInt(draw.below(5)));
  fields.set(16n, BigInt(kind === KIND.heartbeat || kind === KIND.detail ? draw.below(2) : 0));
  fields.set(17n, draw.bytes(32));
  const extensions = draw.map(3, () => draw.uint());
  if (extensions.size > 0) fields.set(19n, extensions);
  const bytes = encode(fields);
  assert.equal(typeof parseRecord(bytes), 'object', toHex(bytes));
  return bytes;
}

function checkpoint(draw: Draw): Uint8Array {
  const log = toHex(draw.bytes(32));
  const text = `mickai.log/${log}\n${draw.size()}\n${toBase64(draw.bytes(32))}\n`;
  const signed = concat(keyHash(log, draw.key()), draw.signature());
  return encodeUtf8(`${text}\n— mickai.log/${log} ${toBase64(signed)}\n`);
}

function statement(draw: Draw): Uint8Array {
  const said: Value[] = ['oar-revocation', 1n, draw.bytes(32), draw.bytes(32), draw.uint(), draw.list(draw.below(2), () => draw.uint())];
  return encode([...said, draw.key().spki, draw.signature()]);
}

function bundle(draw: Draw): Uint8Array {
  const log = draw.bytes(32);
  const first = draw.below(2) * draw.below(1_000_000);
  const records = draw.list(draw.below(4) + 1, (place) => {
    const [bytes, cose] = [draw.some(200), draw.some(40)];
    const openings = [...draw.map(3, () => [draw.bytes(32), draw.some(60)])].sort(([a], [b]) => compareLabels(a, b));
    return { bytes, cose, openings: openings.map(([label, opened]) => [BigInt(first + place), label, ...opened]) };
  });
  const keys = draw.list(draw.below(3) + 1, () => draw.key().spki);
  const events = draw.list(keys.length > 1 ? draw.below(3) : 0, () => [draw.uint(), draw.some(200), draw.some(40), draw.hashes(draw.below(4))]);
  const [left, right] = [draw.hashes(subtreeSizes(first).length), draw.hashes(draw.below(4))];
  return encodeParts({
    header: [0n, 'oar-bundle', 1n, log, BigInt(first), BigInt(records.length)],
    keys: events.length > 0 ? [1n, keys, events] : [1n, keys],
    left: left.length > 0 ? [2n, left] : undefined,
    chunks: [[3n, records.map(({ bytes }) => bytes), records.map(({ cose }) => cose), records.flatMap(({ openings }) => openings)]],
    right: right.length > 0 ? [4n, right] : undefined,
    checkpoint: [5n, draw.ascii()],
  });
}

test('seeded: one hash for each encoding', async (context) => {
  const expected = JSON.parse(readFileSync(joinPath(VECTORS, 'seeded.json'), 'utf8')) as { [encoding: string]: string };
  assert.deepEqual(Object.keys(expected).sort(), Object.keys(ENCODINGS).sort());
  for (const [encoding, [count, bytesOf]] of Object.entries(ENCODINGS)) {
    await context.test(encoding, () => {
      const hash = createHash('sha256');
      for (let number = 0; number < count; number += 1) {
        const bytes = bytesOf(new Draw(encoding, number));
        hash.update(bigEndian(bytes.length)).update(bytes);
      }
      assert.equal(hash.digest('hex'), expected[encoding]);
    });
  }
});

/** Four bytes. */
function bigEndian(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}
