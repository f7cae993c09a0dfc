/** Every shared vector of spec/vectors/pantheon, and the seeded cases of spec/pantheon.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeUtf8, fromBase64, fromHex, toBase64, toHex } from '../src/bytes.js';
import { encode, type Value } from '../src/cbor.js';
import { sha256, pureHashes, useHashes } from '../src/hashes.js';
import { nodeHashes } from '../src/node-hashes.js';
import { addressOf, addressText, readAddress, type Network } from '../src/pantheon/address.js';
import { Refused } from '../src/pantheon/form.js';
import { readGenesis } from '../src/pantheon/genesis.js';
import { checkCertificate, readCertificate, readHeader, readValidators, voteMessage } from '../src/pantheon/header.js';
import { LightRefused, verifyLight } from '../src/pantheon/light.js';
import { readEntry, statePath } from '../src/pantheon/state.js';
import { isSignedBySender, readBlock, readTransaction } from '../src/pantheon/transaction.js';
import { Draw, hashOf } from './draw.js';
import { readVectors, VECTORS } from './vectors.js';

before(() => useHashes(nodeHashes));
after(() => useHashes(pureHashes));

interface Expect {
  ok: boolean;
  reason?: string;
  step?: number;
  id?: string;
  leaf?: string;
  signed?: boolean;
  sum?: string;
  validators_fewest?: number;
  entries?: (string | null)[];
}

interface PantheonVector {
  name: string;
  why: string;
  kind: string;
  text?: string;
  network?: Network;
  bytes?: string;
  header?: string;
  set?: string;
  chain?: string;
  expect: Expect;
}

function named(id: Uint8Array): Expect {
  return { ok: true, id: toHex(id) };
}

const JUDGES: { [kind: string]: (bytes: Uint8Array, vector: PantheonVector) => Expect } = {
  address: (_, { text, network }) => {
    const read = readAddress(text!, network!);
    return typeof read === 'string' ? { ok: false, reason: read } : named(read);
  },
  transaction: (bytes) => {
    const read = readTransaction(bytes);
    const seen = { ...named(read.id), leaf: toHex(read.leaf) };
    return read.key === undefined ? seen : { ...seen, signed: isSignedBySender(read) };
  },
  block: (bytes) => named(readBlock(bytes).id),
  header: (bytes) => named(readHeader(bytes).id),
  validators: (bytes) => named(readValidators(bytes).digest),
  genesis: (bytes) => named(readGenesis(bytes).id),
  entry: (bytes) => {
    readEntry(bytes);
    return named(sha256(bytes));
  },
  certificate: (bytes, vector) => {
    const header = readHeader(fromBase64(vector.header!)!);
    checkCertificate(readCertificate(bytes), header, readValidators(fromBase64(vector.set!)!));
    return named(header.id);
  },
  light: (bytes, { chain }) => {
    const { header, validatorsFewest, entries } = verifyLight(bytes, fromHex(chain!)!);
    return { ...named(header.id), validators_fewest: validatorsFewest, entries: entries.map((entry) => (entry === undefined ? null : toBase64(entry))) };
  },
};

function judge(vector: PantheonVector): Expect {
  const refusal = ({ reason, sum }: Refused): Expect => ({ ok: false, reason, ...(sum === undefined ? {} : { sum: String(sum) }) });
  try {
    return JUDGES[vector.kind]!(fromBase64(vector.bytes ?? '')!, vector);
  } catch (error) {
    if (error instanceof LightRefused) return { ...refusal(error.refused), step: error.step };
    if (error instanceof Refused) return refusal(error);
    throw error;
  }
}

for (const side of ['accept', 'reject'] as const) {
  test(`vectors pantheon/${side}`, async (context) => {
    for (const { file, content } of readVectors<PantheonVector>('pantheon', side)) {
      await context.test(`${file}: ${content.why}`, () => assert.deepEqual(judge(content), content.expect));
    }
  });
}

test('light proofs: as many items as the form can have, and one more', () => {
  const [id, nothing] = [new Uint8Array(32), new Uint8Array(0)];
  // Another's path and hash are one item more than a value, and an entry has not both.
  const entry: Value = [[0n, id], [], [id, id], Array.from({ length: 256 }, () => id)];
  const change: Value = [nothing, nothing, nothing];
  const refused = (changes: number, entries: number): unknown[] => {
    const list = (count: number, item: Value): Value[] => Array.from({ length: count }, () => item);
    try {
      verifyLight(encode(['pan-light', 1n, nothing, list(changes, change), nothing, nothing, list(entries, entry)]), id);
    } catch (error) {
      return error instanceof LightRefused ? [error.step, error.refused.reason] : [error];
    }
    return [];
  };
  // Its form is right, and the first of its parts, the head of genesis, is none.
  assert.deepEqual(refused(1_024, 64), [1, 'malformed-genesis']);
  for (const [changes, entries] of [[1_025, 64], [1_024, 65]] as const) assert.deepEqual(refused(changes, entries), [1, 'malformed-light-proof']);
});

/** How many cases there are of an encoding, and the bytes of one (spec/pantheon.md "Seeded cases"). */
const ENCODINGS: { [encoding: string]: [number, (draw: Draw) => Uint8Array] } = {
  'pan-transaction': [1_000, transaction],
  'pan-header': [10_000, header],
  'pan-certificate': [1_000, certificate],
  'pan-vote': [10_000, vote],
  'pan-path': [10_000, (draw) => path(draw)],
  'pan-address': [1_000, address],
};

function transaction(draw: Draw): Uint8Array {
  const start: Value[] = [1n, draw.bytes(32), draw.bytes(32), draw.uint(), draw.uint(), draw.uint()];
  const kinds: (() => Value)[] = [
    () => [0n, draw.bytes(32), draw.size()],
    () => [1n, [[draw.bytes(32), draw.size(), draw.bytes(32), draw.signature()]]],
    () => [2n, draw.some(200)],
    () => [3n, draw.some(200), draw.signature()],
    () => [7n, draw.size()],
    () => [9n, String.fromCharCode(...draw.list(draw.below(30) + 3, () => 0x61 + draw.below(26))), draw.bytes(32), draw.bytes(32)],
  ];
  const body = encode([...start, kinds[draw.below(6)]!()]);
  const keys = draw.list(draw.below(2), () => draw.key().raw);
  const bytes = encode([body, keys, draw.signature()]);
  readTransaction(bytes);
  return bytes;
}

function header(draw: Draw): Uint8Array {
  const id = (): Uint8Array => draw.bytes(32);
  const bytes = encode(['pan-header', 1n, id(), draw.uint(), id(), draw.uint(), draw.uint(), draw.uint(), draw.uint(), id(), id(), id(), id(), id()]);
  readHeader(bytes);
  return bytes;
}

function certificate(draw: Draw): Uint8Array {
  const numbers = [draw.uint(), draw.uint(), draw.uint()];
  const seats = draw.below(21) + 1;
  const signers = new Uint8Array(Math.ceil(seats / 8));
  let count = 0;
  for (let seat = 0; seat < seats; seat += 1) {
    if (draw.below(2) === 0 && seat + 1 < seats) continue;
    signers[seat >> 3]! |= 1 << (seat & 7);
    count += 1;
  }
  const bytes = encode(['pan-certificate', 1n, ...numbers, signers, draw.list(count, () => draw.signature())]);
  readCertificate(bytes);
  return bytes;
}

function vote(draw: Draw): Uint8Array {
  const kind = (['NOTARIZE', 'NULLIFY', 'FINALIZE'] as const)[draw.below(3)]!;
  const chain = draw.bytes(32);
  const round = [draw.uint(), draw.uint()];
  if (kind === 'NULLIFY') return voteMessage(kind, chain, round);
  const parent = draw.uint();
  return voteMessage(kind, chain, [...round, parent], draw.bytes(32));
}

function path(draw: Draw): Uint8Array {
  const code = draw.below(5);
  return statePath(code, code === 4 ? encodeUtf8(draw.label()) : draw.bytes(32));
}

function address(draw: Draw): Uint8Array {
  const network = draw.below(2) as Network;
  const bytes = addressOf(draw.key().raw);
  const text = addressText(bytes, network);
  assert.deepEqual(readAddress(text, network), bytes);
  return encodeUtf8(text);
}

test('seeded cases of a chain: one hash for each encoding', async (context) => {
  const expected = JSON.parse(readFileSync(joinPath(VECTORS, 'pantheon/seeded.json'), 'utf8')) as { [encoding: string]: string };
  assert.deepEqual(Object.keys(expected).sort(), Object.keys(ENCODINGS).sort());
  for (const [encoding, [count, bytesOf]] of Object.entries(ENCODINGS)) {
    await context.test(encoding, () => assert.equal(hashOf(encoding, count, bytesOf), expected[encoding]));
  }
});
