/** One flipped bit in every byte of a verified bundle: never VERIFIED, never a throw, and always the same reasons. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, encodeUtf8, fromBase64, toHex } from '../src/bytes.js';
import { verifyMlDsa65, type VerifySignature } from '../src/keys.js';
import type { Policy } from '../src/policy.js';
import { EXIT, type Report } from '../src/verdict.js';
import { Verifier } from '../src/verify.js';
import { Log, makeKey } from './make.js';
import { VECTORS } from './vectors.js';
import type { BundleVector } from './vectors.test.js';

const SEED = 'oar-tamper-v1';

test('tamper: a bundle made here', () => {
  const log = new Log(makeKey(1)).genesis().intent().outcome(1);
  const bundle = log.bundle({}, log.openings);
  const hash = tamper(bundle, { key: log.key.pem, reference: log.checkpoint() }, 7);
  console.log(`tamper of ${bundle.length} bytes made here, every 7th: ${hash}`);
});

test('tamper: vectors/bundle/accept/three-records-pinned.json', () => {
  const vector = JSON.parse(readFileSync(join(VECTORS, 'bundle/accept/three-records-pinned.json'), 'utf8')) as BundleVector;
  const hash = tamper(fromBase64(vector.bundle)!, vector.policy as Policy, 1);
  console.log(`tamper hash: ${hash}`);
  const file = join(VECTORS, 'bundle/tamper.json');
  assert.ok(existsSync(file), 'vectors/bundle/tamper.json is missing');
  const expected = JSON.parse(readFileSync(file, 'utf8')) as { seed: string; hash: string };
  assert.deepEqual({ seed: SEED, hash }, { seed: expected.seed, hash: expected.hash });
});

/** Flips the seeded bit of every `stride`-th byte; the SHA-256 over all outcomes, in hex. */
function tamper(bundle: Uint8Array, policy: Policy, stride: number): string {
  const verify = remembering();
  assert.equal(judge(bundle, policy, verify).exit, EXIT.verified, 'the bundle verifies before it is tampered with');
  const outcomes = sha256.create();
  for (let offset = 0; offset < bundle.length; offset += stride) {
    const bit = seededBit(offset);
    const flipped = bundle.slice();
    flipped[offset]! ^= 1 << bit;
    const { verdict, exit, reason, index, step } = judge(flipped, policy, verify);
    assert.notEqual(verdict, 'VERIFIED', `byte ${offset}, bit ${bit}`);
    assert.ok(exit === EXIT.invalid || exit === EXIT.none, `byte ${offset}, bit ${bit}: exit ${exit}`);
    outcomes.update(encodeUtf8(`${offset}:${bit}:${exit}:${reason}:${index}:${step}\n`));
  }
  return toHex(outcomes.digest());
}

function judge(bundle: Uint8Array, policy: Policy, verify: VerifySignature): Report {
  const verifier = new Verifier(policy, verify);
  verifier.feed(bundle);
  return verifier.finish();
}

/** Bit of byte i: SHA-256("oar-tamper-v1" ‖ 0x00 ‖ u32be i)[0] & 7. */
function seededBit(offset: number): number {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, offset);
  return sha256(concat(encodeUtf8(`${SEED}\0`), number))[0]! & 7;
}

/** The real check, which is asked once about each (key, message, signature). */
function remembering(): VerifySignature {
  const answers = new Map<string, boolean>();
  return (raw, message, signature) => {
    const name = toHex(sha256(concat(sha256(raw), sha256(message), signature)));
    const known = answers.get(name);
    if (known !== undefined) return known;
    const answer = verifyMlDsa65(raw, message, signature);
    answers.set(name, answer);
    return answer;
  };
}
