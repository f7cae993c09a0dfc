/** Flips one seeded bit in each byte of a bundle, on all processors at once, and tells what the verifier says. */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { useHashes } from '../src/hashes.js';
import { nodeHashes } from '../src/node-hashes.js';
import type { Policy } from '../src/policy.js';
import type { Report } from '../src/verdict.js';
import { Verifier } from '../src/verify.js';
import type { VerifySignature } from '../src/keys.js';
import { remembering } from './remember.js';

const SEED = 'oar-tamper-v1';

interface Task {
  bundle: Uint8Array;
  policy: Policy;
  offsets: number[];
}

/** For each offset, in this order, `offset:bit:exit:reason:index:step` and an LF. */
export async function tamperLines(bundle: Uint8Array, policy: Policy, offsets: number[]): Promise<string[]> {
  const size = Math.ceil(offsets.length / availableParallelism());
  const shares: Promise<string[]>[] = [];
  for (let at = 0; at < offsets.length; at += size) shares.push(share({ bundle, policy, offsets: offsets.slice(at, at + size) }));
  return (await Promise.all(shares)).flat();
}

export function judge(bundle: Uint8Array, policy: Policy, verify: VerifySignature): Report {
  const verifier = new Verifier(policy, verify);
  verifier.feed(bundle);
  return verifier.finish();
}

/** The first four bytes of SHA-256("oar-tamper-v1" ‖ 0x00 ‖ u32be i), as a number. */
export function seeded(i: number): number {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(i);
  return createHash('sha256').update(`${SEED}\0`).update(number).digest().readUInt32BE();
}

function share(task: Task): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: task });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function work({ bundle, policy, offsets }: Task): string[] {
  const verify = remembering();
  useHashes(nodeHashes);
  return offsets.map((offset) => {
    // The bit is SHA-256(…)[0] & 7.
    const bit = (seeded(offset) >>> 24) & 7;
    const flipped = bundle.slice();
    flipped[offset]! ^= 1 << bit;
    const { exit, reason, index, step } = judge(flipped, policy, verify);
    return `${offset}:${bit}:${exit}:${reason}:${index}:${step}\n`;
  });
}

if (!isMainThread) parentPort!.postMessage(work(workerData as Task));
