/** The hash functions of the record, in pure TypeScript; where the platform has faster ones, it lends them once at the start. */
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { sha3_256 as nobleSha3_256, sha3_512 as nobleSha3_512 } from '@noble/hashes/sha3.js';

/** A running hash: `update` as often as needed, `digest` once. */
export interface Running {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

export interface Hashes {
  /** Who computes, for tests and benchmarks to say. */
  readonly name: string;
  sha256(...parts: Uint8Array[]): Uint8Array;
  sha3_256(...parts: Uint8Array[]): Uint8Array;
  sha3_512(...parts: Uint8Array[]): Uint8Array;
  startSha3_512(): Running;
}

/** The default, and all that a browser has: its own SubtleCrypto knows no SHA-3 and answers only later. */
export const pureHashes: Hashes = {
  name: 'noble',
  sha256: (...parts) => all(nobleSha256.create(), parts),
  sha3_256: (...parts) => all(nobleSha3_256.create(), parts),
  sha3_512: (...parts) => all(nobleSha3_512.create(), parts),
  startSha3_512: () => nobleSha3_512.create(),
};

let current = pureHashes;

/** Which functions compute from now on. They must agree: `test/hashes.test.ts` compares those there are. */
export function useHashes(hashes: Hashes): void {
  current = hashes;
}

export function sha256(...parts: Uint8Array[]): Uint8Array {
  return current.sha256(...parts);
}

export function sha3_256(...parts: Uint8Array[]): Uint8Array {
  return current.sha3_256(...parts);
}

export function sha3_512(...parts: Uint8Array[]): Uint8Array {
  return current.sha3_512(...parts);
}

export function startSha3_512(): Running {
  return current.startSha3_512();
}

function all(hash: Running, parts: Uint8Array[]): Uint8Array {
  for (const part of parts) hash.update(part);
  return hash.digest();
}
