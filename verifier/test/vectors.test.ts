/** Every shared vector of records, checkpoints and bundles, judged as its file expects. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8, fromBase64, fromHex, toHex } from '../src/bytes.js';
import { isSigned, readCheckpoint } from '../src/checkpoint.js';
import { parsePem, verifyMlDsa65 } from '../src/keys.js';
import type { Policy } from '../src/policy.js';
import { parseRecord, recordDigest } from '../src/record.js';
import { AXES, type Axis } from '../src/verdict.js';
import { Verifier } from '../src/verify.js';
import { readVectors } from './vectors.js';

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
export interface BundleVector {
  why: string;
  bundle: string;
  policy: { key?: string; key_id?: string; reference?: string; require?: string[]; upto?: number };
  expect: {
    verdict: string | null;
    exit: number;
    reason: string | null;
    index: number | null;
    step: number | null;
    axes?: { [axis: string]: string };
  };
}

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

each<BundleVector>('bundle', ({ bundle, policy, expect }) => {
  const { key_id, ...rest } = policy;
  const verifier = new Verifier({ ...rest, ...(key_id === undefined ? {} : { keyId: key_id }) } as Policy);
  verifier.feed(fromBase64(bundle)!);
  const { axes, scope: _, ...seen } = verifier.finish();
  const { axes: expectedAxes, ...expected } = expect;
  assert.deepEqual(seen, expected);
  for (const axis of Object.keys(expectedAxes ?? {})) assert.ok((AXES as readonly string[]).includes(axis), axis);
  for (const [axis, state] of Object.entries(expectedAxes ?? {})) assert.equal(axes[axis as Axis].state, state, axis);
  if (expect.verdict !== null) assert.equal(Object.keys(expectedAxes ?? {}).length, AXES.length, 'all axes are given');
});
