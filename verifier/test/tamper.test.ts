/** One flipped bit in every byte of a verified bundle: never VERIFIED, never a throw, and always the same reasons. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { concat, fromBase64 } from '../src/bytes.js';
import { KIND } from '../src/record.js';
import { EXIT } from '../src/verdict.js';
import { Log, makeKey } from './make.js';
import { remembering } from './remember.js';
import { judge, seeded, tamperLines } from './tamper.js';
import { policyOf, VECTORS, type BundleVector } from './vectors.js';

/** Of the lines for 3,000 flips in `sealed200`: another hash means that some flip is now judged in another way. */
const HASH_OF_200 = 'af9ca6d79a30479c5cc732bce5bf5fd42b15a4e38a6429c20fb04fb4900a52fe';

/** A rotation, an erasure, two acts of which one is open, four seals, and details, which are sealed. */
function sealed200(): Log {
  const log = new Log(makeKey(1), { next: makeKey(2) }).genesis().intent().outcome(1);
  const details = (size: number): Log => {
    while (log.records.length < size) log.add(KIND.detail);
    return log;
  };
  details(48).rotate({ key: makeKey(2) }).seal();
  details(98).erase(1, ['prompt']).seal();
  details(148).intent().seal();
  return details(199).seal();
}

test('tamper: vectors/bundle/accept/three-records-pinned.json', async () => {
  const vector = JSON.parse(readFileSync(join(VECTORS, 'bundle/accept/three-records-pinned.json'), 'utf8')) as BundleVector;
  const [bundle, policy] = [fromBase64(vector.bundle)!, policyOf(vector.policy)];
  assert.equal(judge(bundle, policy, remembering()).exit, EXIT.verified, 'the bundle verifies before it is tampered with');
  const lines = await tamperLines(bundle, policy, [...bundle.keys()]);
  assert.equal(lines.length, bundle.length);
  for (const line of lines) assert.match(line, /^\d+:\d:[14]:/, 'INVALID, or no verdict');
  const hash = createHash('sha256').update(lines.join('')).digest('hex');
  console.log(`tamper hash: ${hash}`);
  const expected = JSON.parse(readFileSync(join(VECTORS, 'bundle/tamper.json'), 'utf8')) as { hash: string };
  assert.equal(hash, expected.hash);
});

test('tamper: 3,000 seeded flips in a sealed bundle of 200 records', async () => {
  const log = sealed200();
  const [bundle, policy] = [log.bundle({}, log.openings), { key: log.key.pem, reference: log.checkpoint() }];
  assert.equal(log.records.length, 200);
  assert.equal(judge(bundle, policy, remembering()).exit, EXIT.verified, 'the bundle verifies before it is tampered with');
  const offsets = Array.from({ length: 3000 }, (_, i) => seeded(i) % bundle.length);
  const lines = await tamperLines(bundle, policy, offsets);
  assert.equal(lines.length, 3000);
  for (const line of lines) assert.match(line, /^\d+:\d:[14]:/, 'INVALID, or no verdict');
  const hash = createHash('sha256').update(lines.join('')).digest('hex');
  console.log(`tamper hash of 200 records: ${hash}`);
  assert.equal(hash, HASH_OF_200);
});

test('tamper: edits of many bytes never make the verifier throw, even where every signature counts as good', () => {
  const log = new Log(makeKey(1)).genesis().intent().outcome(1).seal().intent();
  const policy = { key: log.key.pem, reference: log.checkpoint() };
  const bundles = [log.bundle({}, log.openings), log.bundle({ first: 1, count: 2 }, log.openings)];
  for (let i = 0; i < 2000; i += 1) {
    const bundle = bundles[i % 2]!;
    const [where, from, size] = [0, 1, 2].map((draw) => seeded(3 * i + draw));
    const at = where! % bundle.length;
    // A piece of the bundle is put over, or between, other bytes of it; a piece of size 0 cuts instead.
    const piece = bundle.subarray(from! % bundle.length).subarray(0, size! % 40);
    const rest = bundle.subarray(at + (i % 3 === 0 ? 0 : Math.max(1, piece.length)));
    const { exit } = judge(concat(bundle.subarray(0, at), piece, rest), policy, () => true);
    assert.ok(exit <= EXIT.none, `edit ${i}`);
  }
});
