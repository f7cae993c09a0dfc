/** Rows of tests: a bundle, a policy, and what the verifier must say; and the means to break a bundle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8, equal } from '../src/bytes.js';
import { decode, encode, type Value, type ValueMap } from '../src/cbor.js';
import type { VerifySignature } from '../src/keys.js';
import type { Policy } from '../src/policy.js';
import { AXES, EXIT, type Axis, type Report } from '../src/verdict.js';
import { Verifier } from '../src/verify.js';
import { encodeParts, type Log, type Parts, type Range } from './make.js';
import { remembering } from './remember.js';

export interface Row {
  why: string;
  bundle: Uint8Array;
  policy?: Policy;
  reason: string | null;
  index?: number | bigint | null;
  exit?: number;
  /** Axes of interest: `pass`, or the reason of what is not. */
  axes?: { [axis in Axis]?: string };
  revoked?: [number, number][];
  text?: RegExp;
}

/** One test per row; `usual` is the policy of rows that have none. */
export function checkRows(name: string, rows: readonly Row[], usual: Policy): void {
  test(name, async (context) => {
    const verify = remembering();
    for (const row of rows) {
      await context.test(`${row.reason ?? 'VERIFIED'}: ${row.why}`, () => check(row, row.policy ?? usual, verify));
    }
  });
}

function check({ bundle, reason, index = null, exit = EXIT.invalid, axes = {}, revoked, text }: Row, policy: Policy, verify: VerifySignature): void {
  const report = judge(bundle, policy, bundle.length, verify);
  assert.deepEqual([report.reason, report.index, report.exit], [reason, index, exit]);
  const failed = AXES.filter((axis) => report.axes[axis].state === 'fail');
  const fails = exit === EXIT.invalid || exit === EXIT.revoked;
  assert.equal(failed.length, fails ? 1 : 0, 'INVALID and REVOKED, and they alone, fail exactly one axis');
  for (const [axis, expected] of Object.entries(axes)) {
    const state = report.axes[axis as Axis];
    assert.equal(state.state === 'pass' ? 'pass' : state.reason, expected, axis);
  }
  if (failed.length > 0 && report.verdict === 'INVALID') assert.equal(report.scope.opened, 0, 'nothing is opened where nothing is covered');
  if (revoked !== undefined) assert.deepEqual(report.scope.revoked, revoked);
  if (text !== undefined) assert.match(report.scope.text, text);
  // The same bytes one at a time give the same report.
  if (bundle.length < 100_000) assert.deepEqual(judge(bundle, policy, 1, verify), report);
}

export function judge(bundle: Uint8Array, policy: Policy, stride = bundle.length, verify?: VerifySignature): Report {
  const verifier = new Verifier(policy, verify);
  for (let at = 0; at < bundle.length; at += stride) verifier.feed(bundle.subarray(at, at + stride));
  return verifier.finish();
}

export function place({ reason, index, step }: Report): unknown[] {
  return [reason, index, step];
}

/** The bundle of a log whose parts were changed before they were encoded. */
export function broken(change: (parts: Parts) => void, log: Log, range: Range = {}, openings = log.openings): Uint8Array {
  const parts = log.parts(range, openings.map((opening) => [...opening]));
  change(parts);
  return encodeParts(parts);
}

export const chunk = (parts: Parts, place: number): Value[] => parts.chunks[0]![place] as Value[];
export const keyList = (parts: Parts): Value[] => parts.keys[1] as Value[];
export const event = (parts: Parts, place: number): Value[] => (parts.keys[2] as Value[][])[place]!;
export const note = (change: (text: string) => string) => (parts: Parts): void => {
  parts.checkpoint[1] = encodeUtf8(change(Buffer.from(parts.checkpoint[1] as Uint8Array).toString()));
};
export const flipped = (bytes: Value | undefined, at: number): Uint8Array => (bytes as Uint8Array).map((byte, i) => (i === at ? byte ^ 1 : byte));

/** A record decoded, changed and encoded again. */
export function changed(record: Value | undefined, change: (fields: ValueMap) => void): Uint8Array {
  const fields = decode(record as Uint8Array) as ValueMap;
  change(fields);
  assert.ok(!equal(encode(fields), record as Uint8Array));
  return encode(fields);
}
