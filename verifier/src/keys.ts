/** Public keys by spec/keys.md: SubjectPublicKeyInfo, PEM, key id, and the ML-DSA-65 check itself. */
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { concat, equal, fromBase64, fromHex } from './bytes.js';
import { sha256 } from './hashes.js';

export const PUBLIC_KEY_SIZE = 1952;
export const SIGNATURE_SIZE = 3309;
export const SPKI_SIZE = 1974;
/** "PEM": of a file that is brought as a key. */
export const KEY_FILE_SIZE_MAX = 65_536;
/** What is said of a longer one, after its name. */
export const KEY_FILE_TOO_LARGE = 'is larger than 64 KiB: give the file that `mickai key show --pem` prints';
/** What is said of one that holds a key id in place of PEM, after its name. */
export const KEY_FILE_IS_ID = 'holds a key id, and a key file holds PEM: give the digits themselves, or the file that `mickai key show --pem` prints';
export const PEM_BEGIN = '-----BEGIN PUBLIC KEY-----';
export const PEM_END = '-----END PUBLIC KEY-----';

/** "Forms": the DER that stands before the 1,952 bytes of every ML-DSA-65 key. */
const SPKI_PREFIX = fromHex('308207b2300b0609608648016503040312038207a100')!;

/** An ML-DSA-65 public key; `id` is SHA-256 of `spki`. */
export interface PublicKey {
  spki: Uint8Array;
  raw: Uint8Array;
  id: Uint8Array;
}

/** Says whether `signature` (3,309 bytes) over `message` verifies under the raw key (1,952 bytes). */
export type VerifySignature = (raw: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** FIPS 204 ML-DSA-65, pure, with the empty context string (record.md "Signature"). */
export const verifyMlDsa65: VerifySignature = (raw, message, signature) => ml_dsa65.verify(signature, message, raw);

/** The key of a SubjectPublicKeyInfo in DER (RFC 9881), or undefined. */
export function parseSpki(spki: Uint8Array): PublicKey | undefined {
  if (spki.length !== SPKI_SIZE || !equal(spki.subarray(0, SPKI_PREFIX.length), SPKI_PREFIX)) return undefined;
  return { spki, raw: spki.subarray(SPKI_PREFIX.length), id: sha256(spki) };
}

export function spkiOf(raw: Uint8Array): Uint8Array {
  return concat(SPKI_PREFIX, raw);
}

/** "PEM": the white space of ASCII but for the line feed, which ends lines. */
const WHITE_SPACE = ' \t\r\f';

/** The key of the first PEM block with the label `PUBLIC KEY`, or undefined; text around the block is passed over. */
export function parsePem(text: string): PublicKey | undefined {
  const lines = pemLines(text);
  const begin = lines.indexOf(PEM_BEGIN);
  const end = lines.indexOf(PEM_END, begin);
  if (begin < 0 || end < 0) return undefined;
  const spki = fromBase64(lines.slice(begin + 1, end).join('').replace(/[ \t\r\f]/g, ''));
  return spki === undefined ? undefined : parseSpki(spki);
}

/** The lines of a text as they are looked at: a marker is a line of its own. */
export function pemLines(text: string): string[] {
  return text.split('\n').map(trimmed);
}

/** Without white space at its ends; `trim` would take what is no ASCII, too. */
function trimmed(line: string): string {
  let begin = 0;
  let end = line.length;
  while (begin < end && WHITE_SPACE.includes(line[begin]!)) begin += 1;
  while (end > begin && WHITE_SPACE.includes(line[end - 1]!)) end -= 1;
  return line.slice(begin, end);
}

/** A key id as 64 hexadecimal digits, or undefined. */
export function parseKeyId(text: string): Uint8Array | undefined {
  return text.length === 64 ? fromHex(text) : undefined;
}
