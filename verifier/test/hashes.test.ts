/** All providers of hash functions give the same digests: on every record of the vectors, in pieces, and at every size around a block. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { pageHashes } from '../page/page-hashes.js';
import { encodeUtf8, fromBase64, fromHex, toHex } from '../src/bytes.js';
import { pureHashes, useHashes } from '../src/hashes.js';
import { isMisused } from '../src/misuse.js';
import { nodeHashes } from '../src/node-hashes.js';
import { recordDigest } from '../src/record.js';
import { Verifier } from '../src/verify.js';
import { toJson } from '../src/verdict.js';
import { policyOf, readVectors, type BundleVector } from './vectors.js';

after(() => useHashes(pureHashes));

const ALL = [pureHashes, nodeHashes, pageHashes];
const NAMES = ['sha256', 'sha3_256', 'sha3_512'] as const;

function digests(hashes: typeof pureHashes, parts: Uint8Array[]): string[] {
  const running = hashes.startSha3_512();
  for (const part of parts) running.update(part);
  return [...NAMES.map((name) => toHex(hashes[name](...parts))), toHex(running.digest())];
}

test('hashes: what is published', () => {
  // FIPS 180-4 and FIPS 202, the message "abc".
  const abc = [
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532',
    'b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0',
  ];
  for (const hashes of ALL) {
    assert.deepEqual(digests(hashes, [encodeUtf8('ab'), new Uint8Array(0), encodeUtf8('c')]).slice(0, 3), abc, hashes.name);
  }
});

test('hashes: equal at every size around a block, in one piece and in several', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 131) & 0xff);
  for (let size = 0; size <= bytes.length; size += 1) {
    const [whole, cut] = [bytes.subarray(0, size), size >> 1];
    const expected = digests(nodeHashes, [whole]);
    for (const hashes of [pureHashes, pageHashes]) {
      assert.deepEqual(digests(hashes, [whole]), expected, `${hashes.name}: ${size}`);
      assert.deepEqual(digests(hashes, [whole.subarray(0, cut), whole.subarray(cut)]), expected, `${hashes.name}: ${size} in two`);
    }
  }
});

test('hashes: equal record digests on the vectors', () => {
  let count = 0;
  for (const side of ['accept', 'reject'] as const) {
    for (const { file, content } of readVectors<{ record: string; expect: { digest?: string } }>('record', side)) {
      const bytes = fromHex(content.record)!;
      const seen = ALL.map((hashes) => {
        useHashes(hashes);
        return toHex(recordDigest(bytes));
      });
      assert.equal(new Set(seen).size, 1, file);
      if (content.expect.digest !== undefined) assert.equal(seen[0], content.expect.digest, file);
      count += 1;
    }
  }
  assert.ok(count > 0);
});

test('hashes: equal reports on the vectors, signatures apart', () => {
  for (const side of ['accept', 'reject'] as const) {
    for (const { file, content } of readVectors<BundleVector>('bundle', side)) {
      const policy = policyOf(content.policy);
      if (isMisused(policy)) continue;
      const reports = ALL.map((hashes) => {
        useHashes(hashes);
        const verifier = new Verifier(policy, () => true);
        verifier.feed(fromBase64(content.bundle)!);
        return toJson(verifier.finish());
      });
      assert.equal(new Set(reports).size, 1, file);
    }
  }
});
