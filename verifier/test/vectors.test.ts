/** Every shared vector of records, checkpoints, bundles and public keys, judged as its file expects. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { encodeUtf8, fromBase64, fromHex, toHex } from '../src/bytes.js';
import { isSigned, readCheckpoint } from '../src/checkpoint.js';
import { verifyFork } from '../src/fork.js';
import { parsePem, parseSpki, spkiOf, verifyMlDsa65 } from '../src/keys.js';
import { isMisused, type Misused } from '../src/misuse.js';
import type { Policy } from '../src/policy.js';
import { parseRecord, recordDigest } from '../src/record.js';
import { emptyScope } from '../src/scope.js';
import { AXES, EXIT, misuseReport, SETTLEMENT_REASONS, type Axis, type Report } from '../src/verdict.js';
import { Verifier } from '../src/verify.js';
import { policyOf, readVectors, VECTORS, type BundleVector, type ForkVector } from './vectors.js';

interface RecordVector {
  why: string;
  record: string;
  expect: { ok: boolean; reason?: string; digest?: string; key_id?: string };
}
interface CheckpointVector {
  why: string;
  note: string;
  key: string;
  log: string;
  expect: { ok: boolean; reason?: string; size?: number; root?: string };
}

test('vectors keys: public keys and key ids', () => {
  const { cases } = JSON.parse(readFileSync(join(VECTORS, 'keys/accept/seeds.json'), 'utf8')) as {
    cases: { reason: string; seed: string; spki: string; key_id: string }[];
  };
  assert.ok(cases.length > 0);
  for (const { reason, seed, spki, key_id } of cases) {
    const key = parseSpki(spkiOf(ml_dsa65.keygen(fromHex(seed)!).publicKey));
    assert.deepEqual([toHex(key!.spki), toHex(key!.id)], [spki, key_id], reason);
  }
});

/** One test per vector; a folder that cannot be read is one failing test. */
function each<T extends { why: string }>(kind: string, check: (vector: T) => void): void {
  for (const side of ['accept', 'reject'] as const) {
    test(`vectors ${kind}/${side}`, async (context) => {
      for (const { file, content } of readVectors<T>(kind, side)) {
        await context.test(`${file}: ${content.why}`, () => check(content));
      }
    });
  }
}

each<RecordVector>('record', ({ record, expect }) => {
  const bytes = fromHex(record)!;
  const result = parseRecord(bytes);
  const seen =
    typeof result === 'string'
      ? { ok: false, reason: result }
      : { ok: true, digest: toHex(recordDigest(bytes)), key_id: toHex(result.keyId) };
  assert.deepEqual(seen, expect);
});

each<CheckpointVector>('checkpoint', ({ note, key: pem, log, expect }) => {
  const key = parsePem(pem);
  assert.ok(key, 'the key of the vector');
  const result = readCheckpoint(encodeUtf8(note), key, fromHex(log)!);
  const seen =
    typeof result === 'string'
      ? { ok: false, reason: result }
      : isSigned(result, key, verifyMlDsa65)
        ? { ok: true, size: result.size, root: toHex(result.root) }
        : { ok: false, reason: 'checkpoint-signature' };
  assert.deepEqual(seen, expect);
});

each<ForkVector>('fork', ({ fork, keys, expect }) => {
  const { exit, reason } = verifyFork(fromBase64(fork)!, { keys });
  assert.deepEqual({ exit, reason }, expect);
});

each<BundleVector>('bundle', ({ bundle, policy, expect }) => {
  const { axes, scope, index, ...rest } = judge(fromBase64(bundle)!, policyOf(policy));
  const seen = { ...rest, index: typeof index === 'bigint' ? String(index) : index };
  const { axes: expectedAxes, text, ...expected } = expect;
  assert.deepEqual(seen, expected);
  if (expect.exit !== EXIT.misuse) assert.equal(scope.text, text);
  if (expect.step !== null) assert.deepEqual([scope.opened, scope.open_intents, scope.revoked, scope.erased, scope.settlements], [0, [], [], [], []], 'a failure lists nothing');
  for (const axis of Object.keys(expectedAxes ?? {})) assert.ok((AXES as readonly string[]).includes(axis), axis);
  for (const [axis, state] of Object.entries(expectedAxes ?? {})) assert.equal(axes[axis as Axis].state, state, axis);
  if (expect.verdict !== null) assert.equal(Object.keys(expectedAxes ?? {}).length, AXES.length, 'all axes are given');
});

test('vectors bundle: every reason that a settlement can give', () => {
  const given = new Set(readVectors<BundleVector>('bundle', 'reject').map(({ content }) => content.expect.reason));
  assert.deepEqual(SETTLEMENT_REASONS.filter((reason) => !given.has(reason)), []);
});

function judge(bundle: Uint8Array, policy: Policy | Misused): Report {
  if (isMisused(policy)) return misuseReport(policy, emptyScope());
  const verifier = new Verifier(policy);
  verifier.feed(bundle);
  return verifier.finish();
}
