/** What the verifier brings: the key it trusts, the reference it kept, what it requires (spec/verdict.md "Input"). */
import { encodeUtf8, fromHex } from './bytes.js';
import { isSigned, namesKey, parseCheckpoint, type Checkpoint } from './checkpoint.js';
import { parseKeyId, parsePem, type PublicKey, type VerifySignature } from './keys.js';
import { AXES, REQUIRED_BY_DEFAULT, type Axis, type Misuse } from './verdict.js';

/** A policy as it is written down; every field may be absent. */
export interface Policy {
  /** A public key, PEM. */
  key?: string;
  /** A key id, 64 hex digits. */
  keyId?: string;
  /** A checkpoint note, or SIZE:ROOT. */
  reference?: string;
  require?: readonly string[];
  upto?: number;
}

/** A tree head that the verifier kept; `note` is there when it is a signed one. */
export interface Reference {
  size: number;
  root: Uint8Array;
  note: Checkpoint | undefined;
}

/** A policy that has been read. */
export interface Terms {
  key: PublicKey | undefined;
  /** Undefined when the verifier brought no key: then the bundle's key speaks for itself. */
  trustedId: Uint8Array | undefined;
  reference: Reference | undefined;
  required: readonly Axis[];
  upto: number | undefined;
}

/** The policy's terms, or how it is misused. */
export function readPolicy(policy: Policy, verify: VerifySignature): Terms | Misuse {
  const key = policy.key === undefined ? undefined : parsePem(policy.key);
  const keyId = policy.keyId === undefined ? undefined : parseKeyId(policy.keyId);
  if ((policy.key !== undefined && !key) || (policy.keyId !== undefined && !keyId)) return 'misuse-key';
  if (key !== undefined && keyId !== undefined) return 'misuse-key';
  const reference = policy.reference === undefined ? undefined : parseReference(policy.reference);
  if (policy.reference !== undefined && reference === undefined) return 'misuse-reference';
  // Without a full key here, the signature of a note is looked at in step 20, under the bundle's key.
  if (key !== undefined && reference !== undefined && !isReferenceGood(reference, key, verify)) return 'misuse-reference';
  if (policy.upto !== undefined && policy.upto !== reference?.size) return 'misuse-upto';
  const required = policy.require ?? REQUIRED_BY_DEFAULT;
  if (!required.every(isAxis)) return 'misuse-require';
  return { key, trustedId: key?.id ?? keyId, reference, required, upto: policy.upto };
}

/** A reference note must verify under the policy's key or, without one, the bundle's; SIZE:ROOT has no signature. */
export function isReferenceGood(reference: Reference, key: PublicKey, verify: VerifySignature): boolean {
  const { note } = reference;
  return note === undefined || (namesKey(note, key) && isSigned(note, key, verify));
}

/** SIZE:ROOT is one line, with its LF or without; a note always has several. */
export function parseReference(text: string): Reference | undefined {
  const short = /^([1-9][0-9]{0,15}):([0-9a-fA-F]{64})\n?$/.exec(text);
  if (short !== null) {
    const size = Number(short[1]);
    return Number.isSafeInteger(size) ? { size, root: fromHex(short[2]!)!, note: undefined } : undefined;
  }
  const note = parseCheckpoint(encodeUtf8(text));
  return note && { size: note.size, root: note.root, note };
}

function isAxis(name: string): name is Axis {
  return (AXES as readonly string[]).includes(name);
}
