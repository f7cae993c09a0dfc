/** Seeded cases by spec/seeded.md: one hash for each encoding, which every implementation gives. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { after, before, test } from 'node:test';
import { concat, encodeUtf8, toBase64, toHex } from '../src/bytes.js';
import { compareLabels, encode, type Value } from '../src/cbor.js';
import { keyHash } from '../src/checkpoint.js';
import { pureHashes, useHashes } from '../src/hashes.js';
import { subtreeSizes } from '../src/merkle.js';
import { nodeHashes } from '../src/node-hashes.js';
import { commitment, KIND, parseRecord, recordDigest } from '../src/record.js';
import { coseFrame, sigStructure } from '../src/signature.js';
import { Draw, hashOf } from './draw.js';
import { encodeParts, rotationMessage } from './make.js';
import { VECTORS } from './vectors.js';

before(() => useHashes(nodeHashes));
after(() => useHashes(pureHashes));

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
    await context.test(encoding, () => assert.equal(hashOf(encoding, count, bytesOf), expected[encoding]));
  }
});
