/** One flipped bit in every byte of a verified bundle: never VERIFIED, never a throw, and always the same reasons. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { concat, encodeUtf8, fromBase64, toBase64 } from '../src/bytes.js';
import { encode } from '../src/cbor.js';
import { verifyFork } from '../src/fork.js';
import type { Policy } from '../src/policy.js';
import { isMisused } from '../src/misuse.js';
import { parsePolicyFile } from '../src/policyfile.js';
import { EXIT } from '../src/verdict.js';
import { readStatement } from '../src/statement.js';
import { Log, makeKey, statement } from './make.js';
import { remembering } from './remember.js';
import { judge, seeded, tamperLines } from './tamper.js';
import { policyOf, VECTORS, type BundleVector } from './vectors.js';

/** What spec/vectors/bundle/tamper-200.json and its part say. */
interface Tamper200 {
  why: string;
  bundle: string;
  policy: BundleVector['policy'];
  hash_of_draws: string;
}

test('tamper: vectors/bundle/accept/three-records-pinned.json', async () => {
  const vector = JSON.parse(readFileSync(join(VECTORS, 'bundle/accept/three-records-pinned.json'), 'utf8')) as BundleVector;
  const [bundle, policy] = [fromBase64(vector.bundle)!, policyOf(vector.policy) as Policy];
  assert.equal(judge(bundle, policy, remembering()).exit, EXIT.verified, 'the bundle verifies before it is tampered with');
  const lines = await tamperLines(bundle, policy, [...bundle.keys()]);
  assert.equal(lines.length, bundle.length);
  for (const line of lines) assert.match(line, /^\d+:\d:[14]:/, 'INVALID, or no verdict');
  const hash = createHash('sha256').update(lines.join('')).digest('hex');
  console.log(`tamper hash: ${hash}`);
  const expected = JSON.parse(readFileSync(join(VECTORS, 'bundle/tamper.json'), 'utf8')) as { hash: string };
  assert.equal(hash, expected.hash);
});

for (const name of ['tamper-200', 'tamper-200-part']) {
  test(`tamper: 3,000 seeded flips of vectors/bundle/${name}.json`, async () => {
    const vector = JSON.parse(readFileSync(join(VECTORS, `bundle/${name}.json`), 'utf8')) as Tamper200;
    const [bundle, policy] = [fromBase64(vector.bundle)!, policyOf(vector.policy) as Policy];
    assert.equal(judge(bundle, policy, remembering()).exit, EXIT.verified, 'the bundle verifies before it is tampered with');
    const offsets = Array.from({ length: 3000 }, (_, i) => seeded(i) % bundle.length);
    const lines = await tamperLines(bundle, policy, offsets);
    assert.equal(lines.length, 3000);
    for (const line of lines) assert.match(line, /^\d+:\d:[14]:/, 'INVALID, or no verdict');
    assert.equal(createHash('sha256').update(lines.join('')).digest('hex'), vector.hash_of_draws);
  });
}

test('tamper: edits of many bytes never make the verifier throw, even where every signature counts as good', () => {
  const log = new Log(makeKey(1)).genesis().intent().outcome(1).seal().intent();
  const handed = new Log(makeKey(1), { next: makeKey(2), recovery: makeKey(9) }).genesis().rotate({ key: makeKey(2), next: makeKey(3) });
  handed.intent().erase(2, ['prompt']).revoke(makeKey(1), { effective: 1 }).revoke(makeKey(2), { effective: 3, since: 5 }, { key: makeKey(3) });
  const policyOfLog = (one: Log): Policy => ({ key: makeKey(1).pem, reference: one.checkpoint(), revocations: [toBase64(encode(statement(one, makeKey(1), { effective: 1 }, makeKey(2))))] });
  const [ofLog, ofHanded] = [policyOfLog(log), policyOfLog(handed)];
  const targets: [Uint8Array, (bytes: Uint8Array) => number][] = [
    [log.bundle({}, log.openings), (bytes) => judge(bytes, ofLog, yes).exit],
    [log.bundle({ first: 1, count: 2 }, log.openings), (bytes) => judge(bytes, ofLog, yes).exit],
    [handed.bundle({}, handed.openings), (bytes) => judge(bytes, ofHanded, yes).exit],
    [handed.bundle({ first: 2, count: 2 }), (bytes) => judge(bytes, ofHanded, yes).exit],
    [encode(handed.fork(log.checkpoint(2), 2)), (bytes) => verifyFork(bytes, ofLog, yes).exit],
    [encode(statement(log, makeKey(1), { effective: 2 }, makeKey(2))), (bytes) => (readStatement(bytes, yes) === undefined ? EXIT.invalid : EXIT.verified)],
    [encodeUtf8(JSON.stringify({ keys: ['a'], references: [{ checkpoint: '1', received: 1 }], upto: 1 })), (bytes) => (isMisused(parsePolicyFile(bytes)) ? EXIT.invalid : EXIT.verified)],
  ];
  for (let i = 0; i < 3500; i += 1) {
    const [bytes, run] = targets[i % targets.length]!;
    const [where, from, size] = [0, 1, 2].map((draw) => seeded(3 * i + draw));
    const at = where! % bytes.length;
    // A piece of the bytes is put over, or between, others of them; a piece of size 0 cuts instead.
    const piece = bytes.subarray(from! % bytes.length).subarray(0, size! % 40);
    const rest = bytes.subarray(at + (i % 3 === 0 ? 0 : Math.max(1, piece.length)));
    assert.ok(run(concat(bytes.subarray(0, at), piece, rest)) <= EXIT.none, `edit ${i}`);
  }
});

function yes(): boolean {
  return true;
}
