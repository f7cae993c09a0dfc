/** The checkpoints that the verifier kept: what they are, the times that they bound, and step 20 of spec/verdict.md. */
import { encodeUtf8, equal, fromHex } from './bytes.js';
import { isSigned, namesKey, parseCheckpoint, type Checkpoint } from './checkpoint.js';
import type { PublicKey, VerifySignature } from './keys.js';
import type { Reason } from './verdict.js';

/** A tree head that the verifier kept; `note` is there when it is a signed one. Times are ms of the verifier's clock. */
export interface Reference {
  size: number;
  root: Uint8Array;
  note: Checkpoint | undefined;
  requested: number | undefined;
  received: number | undefined;
  /** False for a note that no public key of the policy has verified: step 20 asks the bundle's keys, as it does for one of another log. */
  settled: boolean;
  /** A chain said so, in the bundle. */
  isSettlement?: boolean;
}

/** SIZE:ROOT is one line, with its LF or without; a note always has several. */
export function parseReference(text: string): Reference | undefined {
  const bare = { note: undefined, requested: undefined, received: undefined, settled: true };
  const short = /^([1-9][0-9]{0,15}):([0-9a-fA-F]{64})\n?$/.exec(text);
  if (short !== null) {
    const size = Number(short[1]);
    return Number.isSafeInteger(size) ? { ...bare, size, root: fromHex(short[2]!)! } : undefined;
  }
  const note = parseCheckpoint(encodeUtf8(text));
  return note && { ...bare, size: note.size, root: note.root, note, settled: false };
}

/** Whether a note verifies under the keys whose hash it names: undefined if it names none of them. */
export function verifyNote(note: Checkpoint, keys: readonly PublicKey[], verify: VerifySignature): boolean | undefined {
  const named = keys.filter((key) => namesKey(note, key));
  return named.length === 0 ? undefined : named.some((key) => isSigned(note, key, verify));
}

/** Ascending by size, and as they were given where sizes are equal. */
export function ascending(references: readonly Reference[]): Reference[] {
  return [...references].sort((a, b) => a.size - b.size);
}

/** *The* reference: the one of the greatest size, the first of equals. */
export function greatest(references: readonly Reference[]): Reference | undefined {
  const size = Math.max(...references.map((reference) => reference.size));
  return references.find((reference) => reference.size === size);
}

/** Whether a claimed time may stand at `index`, by what every reference of the log says (step 16, `time-bounds`). */
export function allowsTime(references: readonly Reference[], index: bigint, claimed: bigint, skew: number): boolean {
  return references.every(({ size, requested, received }) =>
    index < size
      ? received === undefined || claimed <= BigInt(received) + BigInt(skew)
      : requested === undefined || claimed >= BigInt(requested) - BigInt(skew),
  );
}

/** The bundle's tree head as step 20 compares it. */
export interface TreeHead {
  log: string;
  size: number;
  root: Uint8Array;
  /** In a whole bundle the root of the first N records, for each reference of a size N below `size`; else undefined. */
  prefixRoots: ReadonlyMap<number, Uint8Array> | undefined;
}

/** "The references (step 20)": why this one contradicts the bundle, if it does. */
export function compareReference({ note, size, root }: Reference, head: TreeHead): Reason | undefined {
  if (note !== undefined && note.log !== head.log) return 'fork';
  if (head.size < size) return 'truncated';
  if (head.size === size) return equal(head.root, root) ? undefined : 'fork';
  if (head.prefixRoots === undefined) return undefined;
  return equal(head.prefixRoots.get(size)!, root) ? undefined : 'fork';
}

/** True if step 20 really compares a reference of this size; in a part of a log a smaller one is left alone. */
export function isCompared({ size }: Reference, head: TreeHead): boolean {
  return head.prefixRoots !== undefined || size === head.size;
}

/** The size up to which records were seen at or before `since`: 0 where no reference says so. */
export function sizeSeenBy(references: readonly Reference[], since: bigint): number {
  const seen = references.filter(({ received }) => received !== undefined && BigInt(received) <= since);
  return Math.max(0, ...seen.map(({ size }) => size));
}
