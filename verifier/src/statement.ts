/** A revocation that reaches verifiers without the log (spec/keys.md "Revocation statement"). */
import { concat, encodeUtf8 } from './bytes.js';
import { decodeForm, encode, Malformed, type Value } from './cbor.js';
import { parseSpki, SIGNATURE_SIZE, type VerifySignature } from './keys.js';
import { ID_SIZE } from './record.js';

/** The array, its eight elements, and the time in one of them. */
const ITEMS_MAX = 10;

/** A statement whose signature verifies under the key that it carries; what that key may say, the log decides. */
export interface Statement {
  log: Uint8Array;
  revoked: Uint8Array;
  effective: bigint;
  since: bigint | undefined;
  /** The signer's key id. */
  signer: Uint8Array;
}

/** Reads and verifies a statement; undefined if its form or its signature is wrong. */
export function readStatement(bytes: Uint8Array, verify: VerifySignature): Statement | undefined {
  const items = decodeItems(bytes);
  if (items === undefined || items.length !== 8) return undefined;
  const [name, version, log, revoked, effective, times, spki, signature] = items;
  if (name !== 'oar-revocation' || version !== 1n || !isBytes(log, ID_SIZE) || !isBytes(revoked, ID_SIZE)) return undefined;
  if (typeof effective !== 'bigint' || !Array.isArray(times) || times.length > 1) return undefined;
  const since = times[0];
  if (since !== undefined && typeof since !== 'bigint') return undefined;
  const key = spki instanceof Uint8Array ? parseSpki(spki) : undefined;
  if (key === undefined || !isBytes(signature, SIGNATURE_SIZE)) return undefined;
  const signed = concat(encodeUtf8('oar-revoke-v1\0'), encode(items.slice(0, 6)));
  return verify(key.raw, signed, signature) ? { log, revoked, effective, since, signer: key.id } : undefined;
}

function decodeItems(bytes: Uint8Array): Value[] | undefined {
  try {
    const value = decodeForm(bytes, ITEMS_MAX);
    return Array.isArray(value) ? value : undefined;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function isBytes(value: Value | undefined, size: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === size;
}
