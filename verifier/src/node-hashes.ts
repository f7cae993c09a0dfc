/** Node's own hash functions (OpenSSL), several times faster than TypeScript; the command line uses them. */
import { createHash } from 'node:crypto';
import type { Hashes } from './hashes.js';

export const nodeHashes: Hashes = {
  name: 'node',
  sha256: (...parts) => all('sha256', parts),
  sha3_256: (...parts) => all('sha3-256', parts),
  sha3_512: (...parts) => all('sha3-512', parts),
  startSha3_512: () => createHash('sha3-512'),
};

function all(name: string, parts: Uint8Array[]): Uint8Array {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
