/** What the verifier brings: keys it trusts, references it kept, revocations it knows, what it requires (spec/verdict.md "Input"). */
import { fromBase64, toHex } from './bytes.js';
import { parseKeyId, parsePem, type PublicKey, type VerifySignature } from './keys.js';
import { ascending, greatest, parseReference, verifyNote, type Reference } from './reference.js';
import { readStatement, type Statement } from './statement.js';
import { AXES, REQUIRED_BY_DEFAULT, type Axis, type Misuse } from './verdict.js';

const LISTED_MAX = 16;
const SKEW_MS_DEFAULT = 300_000;

export interface PolicyReference {
  /** A checkpoint note, or SIZE:ROOT. */
  checkpoint: string;
  /** When it was asked for: every later record is younger. */
  requested?: number;
  /** When it came: every record that it covers is older. */
  received?: number;
}

/** A policy as it is written down; every field may be absent. Times are ms since 1970 on the verifier's clock. */
export interface Policy {
  /** Public keys (PEM) and key ids (64 hex digits). */
  keys?: readonly string[];
  references?: readonly PolicyReference[];
  require?: readonly string[];
  upto?: number;
  /** Revocation statements, base64. */
  revocations?: readonly string[];
  max_age_ms?: number;
  skew_ms?: number;
  now_ms?: number;
  /** One more of `keys`, a PEM. */
  key?: string;
  /** One more of `keys`, a key id. */
  keyId?: string;
  /** One more of `references`, without times. */
  reference?: string;
}

/** A policy that has been read. */
export interface Terms {
  /** The public keys that it brings; for the others only `trusted` holds their ids. */
  publicKeys: readonly PublicKey[];
  /** Key ids in hex; empty when the verifier brought no key: then the bundle's keys speak for themselves. */
  trusted: ReadonlySet<string>;
  /** Ascending by size. */
  references: readonly Reference[];
  /** The one that the axes and the scope are about. */
  reference: Reference | undefined;
  required: readonly Axis[];
  upto: number | undefined;
  statements: readonly Statement[];
  skewMs: number;
  /** The newest record must not claim an earlier time, ms. */
  oldestMs: number | undefined;
}

/** The policy's terms, or how it is misused: of several misuses the first in the order of the specification. */
export function readPolicy(policy: Policy, verify: VerifySignature): Terms | Misuse {
  const keys = readKeys(policy);
  if (keys === undefined) return 'misuse-key';
  const references = readReferences(policy, keys.publicKeys, verify);
  if (references === undefined) return 'misuse-reference';
  const reference = greatest(references);
  if (policy.upto !== undefined && policy.upto !== reference?.size) return 'misuse-upto';
  const required = policy.require ?? REQUIRED_BY_DEFAULT;
  if (!required.every(isAxis)) return 'misuse-require';
  const statements = readAll(policy.revocations ?? [], (text) => readBase64Statement(text, verify));
  if (statements === undefined) return 'misuse-revocation';
  const { max_age_ms: maxAge, now_ms: now, upto, skew_ms: skewMs = SKEW_MS_DEFAULT } = policy;
  if (maxAge !== undefined && now === undefined) return 'misuse-age';
  const oldestMs = maxAge === undefined || now === undefined ? undefined : now - maxAge;
  return { ...keys, references: ascending(references), reference, required, upto, statements, skewMs, oldestMs };
}

function readKeys({ keys = [], key, keyId }: Policy): Pick<Terms, 'publicKeys' | 'trusted'> | undefined {
  const texts = [...keys, ...[key, keyId].filter((text) => text !== undefined)];
  const read = readAll(texts, (text) => parseKeyId(text) ?? parsePem(text));
  if (read === undefined) return undefined;
  const publicKeys = read.filter((one): one is PublicKey => !(one instanceof Uint8Array));
  return { publicKeys, trusted: new Set(read.map((one) => toHex(one instanceof Uint8Array ? one : one.id))) };
}

function readReferences({ references = [], reference }: Policy, publicKeys: readonly PublicKey[], verify: VerifySignature): Reference[] | undefined {
  const given = reference === undefined ? references : [...references, { checkpoint: reference }];
  return readAll(given, ({ checkpoint, requested, received }) => {
    const parsed = parseReference(checkpoint);
    if (parsed === undefined || (requested !== undefined && received !== undefined && received < requested)) return undefined;
    const verified = parsed.note === undefined ? true : verifyNote(parsed.note, publicKeys, verify);
    // A note of a key that is not here in full is looked at in step 20, under the bundle's keys.
    return verified === false ? undefined : { ...parsed, requested, received, settled: verified === true };
  });
}

function readBase64Statement(text: string, verify: VerifySignature): Statement | undefined {
  const bytes = fromBase64(text);
  return bytes && readStatement(bytes, verify);
}

/** All of them read, or undefined if one cannot be or there are too many. */
function readAll<T, R>(items: readonly T[], read: (item: T) => R | undefined): R[] | undefined {
  if (items.length > LISTED_MAX) return undefined;
  const results: R[] = [];
  for (const item of items) {
    const result = read(item);
    if (result === undefined) return undefined;
    results.push(result);
  }
  return results;
}

function isAxis(name: string): name is Axis {
  return (AXES as readonly string[]).includes(name);
}
