/** What the verifier brings: keys it trusts, references it kept, revocations it knows, what it requires (spec/verdict.md "Input"). */
import { fromBase64, toHex } from './bytes.js';
import { parseKeyId, parsePem, type PublicKey, type VerifySignature } from './keys.js';
import { MisuseError, orMisused, quoted, type Misused } from './misuse.js';
import { ascending, greatest, parseReference, verifyNote, type Reference } from './reference.js';
import { readStatement, type Statement } from './statement.js';
import { AXES, REQUIRED_BY_DEFAULT, type Axis } from './verdict.js';

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
  /** The chains whose settlements are believed: the digests of their geneses, 64 hex digits each. */
  chains?: readonly string[];
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
  /** In hex, lower case. */
  chains: ReadonlySet<string>;
  /** The newest record must not claim an earlier time, ms. */
  oldestMs: number | undefined;
}

/** The policy's terms, or how it is misused: of several misuses the first in the order of the specification. */
export function readPolicy(policy: Policy, verify: VerifySignature): Terms | Misused {
  return orMisused(() => termsOf(policy, verify));
}

function termsOf(policy: Policy, verify: VerifySignature): Terms {
  const keys = readKeys(policy);
  const references = readReferences(policy, keys.publicKeys, verify);
  const reference = greatest(references);
  const chains = (policy.chains ?? []).filter(isChain);
  // Which reference is the greatest, a settlement may yet decide.
  if (chains.length === 0) checkUpto(policy.upto, reference);
  const required = policy.require ?? REQUIRED_BY_DEFAULT;
  checkRequired(required);
  const statements = readAll('revocation', policy.revocations ?? [], (text, name) => readBase64Statement(text, name, verify));
  const { max_age_ms: maxAge, now_ms: now, upto, skew_ms: skewMs = SKEW_MS_DEFAULT } = policy;
  if (maxAge !== undefined && now === undefined) {
    throw new MisuseError('misuse-age', 'a greatest age is asked for and the clock of this machine does not say what time it is: set the clock, or ask for no greatest age');
  }
  checkChains(policy.chains ?? []);
  const oldestMs = maxAge === undefined || now === undefined ? undefined : now - maxAge;
  return { ...keys, references: ascending(references), reference, required, upto, statements, skewMs, chains: new Set(chains.map((chain) => chain.toLowerCase())), oldestMs };
}

function readKeys({ keys = [], key, keyId }: Policy): Pick<Terms, 'publicKeys' | 'trusted'> {
  const texts = [...keys, ...[key, keyId].filter((text) => text !== undefined)];
  const read = readAll('key', texts, (text, name) => {
    const found = parseKeyId(text) ?? parsePem(text);
    if (found === undefined) {
      throw new MisuseError('misuse-key', `${name}, ${quoted(text)}, is no key: give a public key of ML-DSA-65 as PEM, from -----BEGIN PUBLIC KEY----- on, or a key id of 64 hexadecimal digits`);
    }
    return found;
  });
  const publicKeys = read.filter((one): one is PublicKey => !(one instanceof Uint8Array));
  return { publicKeys, trusted: new Set(read.map((one) => toHex(one instanceof Uint8Array ? one : one.id))) };
}

function readReferences({ references = [], reference }: Policy, publicKeys: readonly PublicKey[], verify: VerifySignature): Reference[] {
  const given = reference === undefined ? references : [...references, { checkpoint: reference }];
  return readAll('reference', given, ({ checkpoint, requested, received }, name) => {
    const refuse = (why: string): never => {
      throw new MisuseError('misuse-reference', `${name}, ${why}`);
    };
    const parsed = parseReference(checkpoint) ?? refuse(`${quoted(checkpoint)}, is no checkpoint: give the file that \`mickai log checkpoint\` wrote, unchanged to its last line end, or SIZE:ROOT`);
    if (requested !== undefined && received !== undefined && received < requested) refuse(`came at ${received}, before it was asked for at ${requested}: give the times as they were`);
    const verified = parsed.note === undefined ? true : verifyNote(parsed.note, publicKeys, verify);
    if (verified === false) refuse(`of size ${parsed.size}, names your key and is not signed by it: it was forged or changed, so take it from where you kept it`);
    // A note of a key that is not here in full is looked at in step 20, under the bundle's keys.
    return { ...parsed, requested, received, settled: verified === true };
  });
}

function isChain(text: string): boolean {
  return /^[0-9a-fA-F]{64}$/.test(text);
}

function checkChains(chains: readonly string[]): void {
  const bad = chains.find((chain) => !isChain(chain));
  if (bad !== undefined) throw new MisuseError('misuse-chain', `${quoted(bad)} is no chain id: give the digest of genesis that \`pantheon genesis show\` prints, 64 hexadecimal digits`);
  if (chains.length > LISTED_MAX) throw new MisuseError('misuse-chain', `there are ${chains.length} chains: give ${LISTED_MAX} at most`);
}

/** Throws unless `upto` is the reference's size. */
export function checkUpto(upto: number | undefined, reference: Reference | undefined): void {
  if (upto === undefined || upto === reference?.size) return;
  const why = reference === undefined ? 'there is no checkpoint: give the checkpoint of that size' : `the greatest ${reference.isSettlement ? 'settlement' : 'checkpoint'} is of size ${reference.size}: ask for ${reference.size}, or give no checkpoint greater than what you ask for`;
  throw new MisuseError('misuse-upto', `the records up to ${upto} are asked for, and ${why}`);
}

function checkRequired(required: readonly string[]): asserts required is readonly Axis[] {
  const unknown = required.find((name) => !(AXES as readonly string[]).includes(name));
  if (unknown !== undefined) throw new MisuseError('misuse-require', `${quoted(unknown)} is no axis: require some of ${AXES.join(', ')}`);
}

function readBase64Statement(text: string, name: string, verify: VerifySignature): Statement {
  const bytes = fromBase64(text);
  const statement = bytes && readStatement(bytes, verify);
  if (statement === undefined) {
    throw new MisuseError('misuse-revocation', `${name} is no statement that its signer signed: give the file that \`mickai key revoke --statement\` wrote, in a policy as base64`);
  }
  return statement;
}

/** All of them read; `read` is also told how to name the one that it reads. */
function readAll<T, R>(kind: 'key' | 'reference' | 'revocation', items: readonly T[], read: (item: T, name: string) => R): R[] {
  if (items.length > LISTED_MAX) throw new MisuseError(`misuse-${kind}`, `there are ${items.length} ${kind}s: give ${LISTED_MAX} at most`);
  return items.map((item, i) => read(item, items.length === 1 ? `the ${kind}` : `${kind} ${i + 1} of ${items.length}`));
}
