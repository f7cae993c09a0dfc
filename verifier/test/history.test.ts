/** Keys that change, are revoked and taken back; fields erased; times; several references. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HISTORY_ROWS, K1, K2, TRUST } from './history.js';
import { Log, type KeyPair } from './make.js';
import { checkRows, judge, place } from './rows.js';

checkRows('history: every row', HISTORY_ROWS, TRUST);

test('history: at most 256 key events are read', () => {
  const [first, second] = [K1, K2].map((key): KeyPair => ({ ...key, sign: () => new Uint8Array(3309) })) as [KeyPair, KeyPair];
  const log = new Log(first, { next: second }).genesis().intent().rotate({ key: second });
  const judged = (): unknown[] => place(judge(log.bundle(), TRUST, undefined, () => true));
  // Genesis, the rotation and 254 revokes, which begin at index 3.
  while (log.records.length < 3 + 254) log.revoke(first, { effective: 0 });
  assert.deepEqual(judged(), ['revoked', null, null]);
  log.revoke(first, { effective: 0 });
  assert.deepEqual(judged(), ['key-event', 257, 16]);
});
