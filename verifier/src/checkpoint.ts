/** A signed tree head by spec/checkpoint.md: reading the note, and its verification in four steps. */
import { decodeUtf8, encodeUtf8, equal, fromBase64, toHex } from './bytes.js';
import { sha256 } from './hashes.js';
import type { PublicKey, VerifySignature } from './keys.js';

export const NOTE_SIZE_MAX = 8192;
const ORIGIN_PREFIX = 'mickai.log/';
const KEY_HASH_SIZE = 4;

export interface Checkpoint {
  /** The log id of the origin, 64 lower-case hex digits. */
  log: string;
  size: number;
  root: Uint8Array;
  /** What is signed: lines 1 to 3 with their LFs. */
  text: Uint8Array;
  keyHash: Uint8Array;
  signature: Uint8Array;
}

export type CheckpointReason = 'malformed-checkpoint' | 'checkpoint-origin' | 'checkpoint-key' | 'checkpoint-signature';

// "Format", items 1 to 5. 4 + 3,309 bytes are 4,420 characters of base64, the last two of them padding.
const TEXT = 'mickai\\.log/([0-9a-f]{64})\\n([1-9][0-9]{0,15})\\n([A-Za-z0-9+/]{43}=)\\n';
const SIGNATURE_LINE = '\\u2014 (mickai\\.log/[0-9a-f]{64}) ([A-Za-z0-9+/]{4418}==)\\n';
const FORM = new RegExp(`^(${TEXT})\\n${SIGNATURE_LINE}$`);

/** Step 1, and the first half of step 2 (the two origins are one): the note, or undefined. */
export function parseCheckpoint(note: Uint8Array): Checkpoint | undefined {
  if (note.length > NOTE_SIZE_MAX) return undefined;
  const match = FORM.exec(decodeUtf8(note) ?? '');
  if (match === null) return undefined;
  const [, text, log, sizeDigits, rootBase64, signer, signatureBase64] = match as unknown as string[];
  const size = Number(sizeDigits);
  const root = fromBase64(rootBase64!);
  const signature = fromBase64(signatureBase64!);
  if (!Number.isSafeInteger(size) || root === undefined || signature === undefined) return undefined;
  if (signer !== ORIGIN_PREFIX + log) return undefined;
  return {
    log: log!,
    size,
    root,
    text: encodeUtf8(text!),
    keyHash: signature.subarray(0, KEY_HASH_SIZE),
    signature: signature.subarray(KEY_HASH_SIZE),
  };
}

/** Steps 1 to 3 for the log `logId` and its key: the checkpoint, or why not. */
export function readCheckpoint(note: Uint8Array, key: PublicKey, logId: Uint8Array): Checkpoint | CheckpointReason {
  const checkpoint = parseCheckpoint(note);
  if (checkpoint === undefined) return 'malformed-checkpoint';
  if (checkpoint.log !== toHex(logId)) return 'checkpoint-origin';
  if (!namesKey(checkpoint, key)) return 'checkpoint-key';
  return checkpoint;
}

/** Step 3: the key hash is that of the key. */
export function namesKey(checkpoint: Checkpoint, key: PublicKey): boolean {
  return equal(checkpoint.keyHash, keyHash(checkpoint.log, key));
}

/** Step 4: the signature verifies over the text. */
export function isSigned(checkpoint: Checkpoint, key: PublicKey, verify: VerifySignature): boolean {
  return verify(key.raw, checkpoint.text, checkpoint.signature);
}

/** The signed-note key hash of type 0xff, 4 bytes ("Format"). */
export function keyHash(log: string, key: PublicKey): Uint8Array {
  const origin = encodeUtf8(ORIGIN_PREFIX + log);
  const name = encodeUtf8('oar-ml-dsa-65-v1');
  return sha256(origin, Uint8Array.of(0x0a, 0xff), name, key.raw).slice(0, KEY_HASH_SIZE);
}
