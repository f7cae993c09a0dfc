/** Fork proofs: what proves a fork, and everything that only looks like it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat, encodeUtf8, toHex } from '../src/bytes.js';
import { encode, type Value } from '../src/cbor.js';
import { looksLikeFork, verifyFork } from '../src/fork.js';
import type { Policy } from '../src/policy.js';
import { K1, K2, K3, RECOVERY, STRANGER } from './history.js';
import { Log, set } from './make.js';
import { remembering } from './remember.js';

const ID = new Uint8Array(32).fill(0xee);
const begin = (): Log => new Log(K1, { next: K2, recovery: RECOVERY }).genesis();
/** Two histories that part at index 2; the second goes on under another key. */
const ONE = begin().intent().outcome(1).intent();
const TWO = begin().intent().intent(set({ 5: 1n })).outcome(1).rotate({ key: K2, next: K3 }).intent().outcome(2);
const KEYS: Policy = { keys: [K1.pem, K2.pem] };
const verify = remembering();

interface Case {
  why: string;
  file: Uint8Array;
  policy?: Policy;
  reason: string;
  step?: number | null;
  exit?: number;
}

const proof = (change: (items: Value[]) => void = () => {}, sizeA = 3, size = 7): Uint8Array => {
  const items = TWO.fork(ONE.checkpoint(sizeA), sizeA, size);
  change(items);
  return encode(items);
};
const asText = (note: Value | undefined): string => Buffer.from(note as Uint8Array).toString();
const changedNote = (place: number, change: (text: string) => string) => (items: Value[]): void => {
  items[place] = encodeUtf8(change(asText(items[place])));
};
const other = new Log(K1).genesis(set({ 5: 1n })).intent();

const CASES: Case[] = [
  { why: 'two signed views, of different sizes and keys', file: proof(), reason: 'fork', step: null },
  { why: 'two signed views of equal size', file: proof(() => {}, 3, 3), policy: { keys: [K1.pem] }, reason: 'fork', step: null },
  { why: 'every size against every larger one', file: proof(() => {}, 4, 5), reason: 'fork', step: null },
  { why: 'nothing', file: new Uint8Array(0), reason: 'not-a-fork-proof', step: 1, exit: 4 },
  { why: 'text', file: encodeUtf8('oar-fork'), reason: 'not-a-fork-proof', step: 1, exit: 4 },
  { why: 'a bundle', file: ONE.bundle(), reason: 'not-a-fork-proof', step: 1, exit: 4 },
  { why: 'another name', file: proof((p) => (p[0] = 'oar-forc')), reason: 'not-a-fork-proof', step: 1, exit: 4 },
  { why: 'version 2', file: proof((p) => (p[1] = 2n)), reason: 'not-a-fork-proof', step: 1, exit: 4 },
  { why: 'a name alone', file: encode(['oar-fork']), reason: 'not-a-fork-proof', step: 1, exit: 4 },
  { why: 'a name and a version alone', file: encode(['oar-fork', 1n]), reason: 'malformed-fork', step: 2 },
  { why: 'cut short', file: proof().slice(0, -1), reason: 'malformed-fork', step: 2 },
  { why: 'a byte after it', file: concat(proof(), Uint8Array.of(0)), reason: 'malformed-fork', step: 2 },
  { why: 'a seventh item', file: proof((p) => p.push(0n)), reason: 'malformed-fork', step: 2 },
  { why: 'a node of 31 bytes', file: proof((p) => (p[4] = [ID.slice(1)])), reason: 'malformed-fork', step: 2 },
  { why: 'over 32 KiB', file: proof((p) => (p[5] = Array<Value>(1000).fill(ID))), reason: 'malformed-fork', step: 2 },
  { why: 'a note that is none', file: proof(changedNote(2, (text) => text.trimEnd())), reason: 'malformed-fork', step: 2 },
  { why: 'notes of two logs', file: proof((p) => (p[2] = encodeUtf8(other.checkpoint(2)))), reason: 'malformed-fork', step: 2 },
  { why: 'the greater note first', file: proof((p) => ([p[2], p[3]] = [p[3]!, p[2]!])), reason: 'malformed-fork', step: 2 },
  { why: 'keys that are not trusted', file: proof(), policy: { keys: [STRANGER.pem] }, reason: 'unknown-key', step: 3 },
  { why: 'one key that is not trusted', file: proof(), policy: { keys: [K1.pem] }, reason: 'unknown-key', step: 3 },
  { why: 'another size in A', file: proof(changedNote(2, (text) => text.replace('\n3\n', '\n2\n'))), reason: 'checkpoint-signature', step: 3 },
  { why: 'another root in B', file: proof(changedNote(3, (text) => text.replace(/\n[^\n]{44}\n/, `\n${'A'.repeat(43)}=\n`))), reason: 'checkpoint-signature', step: 3 },
  { why: 'one checkpoint twice', file: encode(ONE.fork(ONE.checkpoint(4), 4)), reason: 'fork-unproven', step: 4 },
  { why: 'equal sizes, and a node', file: proof((p) => (p[4] = [ID]), 3, 3), reason: 'fork-unproven', step: 4 },
  { why: 'two checkpoints of one history', file: encode(TWO.fork(TWO.checkpoint(3), 3)), reason: 'fork-unproven', step: 4 },
  { why: 'histories before they part', file: proof(() => {}, 2, 7), reason: 'fork-unproven', step: 4 },
  { why: 'another left node', file: proof((p) => ((p[4] as Value[])[0] = ID)), reason: 'fork-unproven', step: 4 },
  { why: 'a left node too many', file: proof((p) => (p[4] as Value[]).push(ID)), reason: 'fork-unproven', step: 4 },
  { why: 'a left node too few', file: proof((p) => (p[4] as Value[]).pop()), reason: 'fork-unproven', step: 4 },
  { why: 'a right node too many', file: proof((p) => (p[5] as Value[]).push(ID)), reason: 'fork-unproven', step: 4 },
  { why: 'a right node too few', file: proof((p) => (p[5] as Value[]).shift()), reason: 'fork-unproven', step: 4 },
  { why: 'no key', file: proof(), policy: {}, reason: 'misuse-key', exit: 64 },
  { why: 'a key id alone', file: proof(), policy: { keys: [toHex(K1.publicKey.id)] }, reason: 'misuse-key', exit: 64 },
];

test('fork proofs', async (context) => {
  for (const { why, file, policy = KEYS, reason, step = null, exit = 1 } of CASES) {
    await context.test(`${reason}: ${why}`, () => {
      const report = verifyFork(file, policy, verify);
      assert.deepEqual([report.reason, report.step, report.exit], [reason, step, exit]);
      assert.equal(report.verdict, exit === 1 ? 'INVALID' : null);
    });
  }
});

test('fork proofs: a file that begins like one', () => {
  const named = encode('oar-fork');
  // Whatever number of elements its array says: how many there must be is for the judgement.
  for (const head of [[0x80], [0x81], [0x86], [0x98, 24], [0x9b, 255, 255, 255, 255, 255, 255, 255, 255]]) assert.ok(looksLikeFork(concat(Uint8Array.from(head), named)));
  assert.ok(looksLikeFork(proof().subarray(0, 10)));
  for (const head of [[], [0x98, 1], [0x9f], [0x9c], [0x98], [0x06], [0xa1], [0xd8, 1]]) assert.ok(!looksLikeFork(concat(Uint8Array.from(head), named)));
  for (const start of [new Uint8Array(0), proof().subarray(0, 9), ONE.bundle(), encode(['oar-revocation']), encodeUtf8('hello')]) {
    assert.ok(!looksLikeFork(start));
  }
});
