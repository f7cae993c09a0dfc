/** The signature beside a record: the fixed frame of spec/record.md "Signature" and the bytes that are signed. */
import { concat, encodeUtf8, equal, fromHex } from './bytes.js';
import { encode } from './cbor.js';
import { SIGNATURE_SIZE, type PublicKey, type VerifySignature } from './keys.js';
import { MODE } from './record.js';

const FRAME_SIZE = 77;
export const COSE_SIZE = FRAME_SIZE + SIGNATURE_SIZE;

/** What of a record its signature depends on. */
export interface Signed {
  digest: Uint8Array;
  mode: number;
  keyId: Uint8Array;
}

export type SignatureReason = 'signing-mode' | 'malformed-signature' | 'unknown-key' | 'signature';

/** What a signature is judged by besides its record. */
export interface Signing {
  logId: Uint8Array;
  /** One of the listed keys is trusted. */
  isTrusted: boolean;
  verify: VerifySignature;
}

/**
 * Steps 11 to 14 of spec/verdict.md for one record: undefined when all pass. An empty `cose` is no signature;
 * `signer` is the listed key that must have signed, undefined if that key is not listed.
 */
export function judgeSignature(
  signed: Signed,
  cose: Uint8Array,
  signer: PublicKey | undefined,
  { logId, isTrusted, verify }: Signing,
): SignatureReason | undefined {
  // Step 11.
  if ((signed.mode === MODE.each) !== cose.length > 0) return 'signing-mode';
  // Step 12.
  if (cose.length > 0 && (cose.length !== COSE_SIZE || !equal(cose.subarray(0, FRAME_SIZE), coseFrame(signed.keyId)))) {
    return 'malformed-signature';
  }
  // Step 13, for sealed records too: they name a key all the same.
  if (signer === undefined || !equal(signed.keyId, signer.id) || !isTrusted) return 'unknown-key';
  // Step 14.
  if (cose.length === 0) return undefined;
  return verify(signer.raw, sigStructure(signed.keyId, logId, signed.digest), cose.subarray(FRAME_SIZE)) ? undefined : 'signature';
}

/** The first 77 bytes of the COSE_Sign1. */
export function coseFrame(keyId: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x84), encode(protectedHeader(keyId)), Uint8Array.of(0xa0, 0xf6, 0x59, 0x0c, 0xed));
}

/** Sig_structure (RFC 9052 §4.4), with external_aad = log id and payload = D. */
export function sigStructure(keyId: Uint8Array, logId: Uint8Array, digest: Uint8Array): Uint8Array {
  return encode(['Signature1', protectedHeader(keyId), logId, digest]);
}

/** The protected header, 69 bytes. −49 is outside the profile's integers, so it is written out. */
function protectedHeader(keyId: Uint8Array): Uint8Array {
  const contentType = encodeUtf8('application/oar-record+cbor');
  return concat(fromHex('a3013830045820')!, keyId, fromHex('10781b')!, contentType);
}
