/** Entries of a chain's state, and proofs of what it holds, by spec/pantheon.md "State". */
import { concat, encodeUtf8, equal } from '../bytes.js';
import { sha256 } from '../hashes.js';
import { ascend, decoded, Items, Refused } from './form.js';
import { SEATS_MAX } from './header.js';

const DOMAIN = encodeUtf8('pan-state-v1\0');
const ENTRY_SIZE_MAX = 262_144;
const EMPTY: Uint8Array = new Uint8Array(32);
const [LEAF, NODE] = [Uint8Array.of(0), Uint8Array.of(1)];
const LOG_EVENTS_MAX = 16;
const UNBONDING_MAX = 8;
const SIBLINGS_MAX = 256;
/** Of each an id and its head. */
const ROSTER_MAX = Math.floor(ENTRY_SIZE_MAX / 34);
/** The longest entry: its code, and a list of addresses; arrays are items too. */
const ENTRY_ITEMS_MAX = 1 + 2 + ROSTER_MAX;
/** Four elements, of which three are arrays of two items at most, and the siblings. */
export const STATE_PROOF_ITEMS_MAX = 1 + 4 + 3 * 2 + SIBLINGS_MAX;
const INDEX_MAX = 2n ** 53n - 1n;

/** Checks an entry's form, and gives its code. */
export function readEntry(bytes: Uint8Array): bigint {
  const reason = 'malformed-entry';
  const entry = new Items(decoded(bytes, reason, ENTRY_ITEMS_MAX, ENTRY_SIZE_MAX), reason);
  const forms: { [code: string]: [number, () => void] } = {
    0: [4, () => void [entry.uint(), entry.uint(), entry.list(0, 1, (list) => list.key())]],
    1: [6, () => checkLog(entry)],
    2: [5, () => checkValidator(entry)],
    3: [2, () => void entry.id()],
    4: [4, () => void [entry.id(), entry.id(), entry.id()]],
    5: [5, () => void [entry.uint(), entry.uint(), entry.uint(), entry.uint()]],
    6: [2, () => entry.must(ascend(entry.list(0, ROSTER_MAX, (list) => list.id())))],
    7: [2, () => entry.must(ascend(entry.list(1, SEATS_MAX, readSeat)))],
  };
  const code = entry.uint();
  const form = forms[String(code)];
  if (form === undefined || form[0] !== entry.length) throw new Refused(reason);
  form[1]();
  return code;
}

function readSeat(list: Items): Uint8Array {
  const seat = list.array().of(2);
  seat.id();
  return seat.key();
}

function checkLog(entry: Items): void {
  const keys = entry.list(1, LOG_EVENTS_MAX, (list) => {
    const one = list.array().of(4);
    [one.key(), one.uint(), one.id(), one.id()];
  });
  entry.list(0, LOG_EVENTS_MAX, (list) => {
    const one = list.array().of(3);
    [one.id(), one.uint(), one.list(0, 1, (since) => since.uint())];
  });
  entry.uint();
  entry.list(0, 1, (list) => list.id());
  const newest = entry.array();
  if (newest.length === 0) return;
  newest.of(5);
  newest.must(newest.some() <= INDEX_MAX);
  newest.id();
  newest.must(newest.uint() < BigInt(keys.length));
  [newest.signature(), newest.uint()];
}

function checkValidator(entry: Items): void {
  [entry.key(), entry.uint()];
  entry.must(entry.uint() <= 1n);
  const releases = entry.list(0, UNBONDING_MAX, (list) => {
    const one = list.array().of(2);
    one.some();
    return one.uint();
  });
  entry.must(releases.every((release, at) => at === 0 || releases[at - 1]! < release));
}

export interface StateProof {
  code: bigint;
  path: Uint8Array;
  value: Uint8Array | undefined;
  other: { path: Uint8Array; hash: Uint8Array } | undefined;
  siblings: Uint8Array[];
}

export function readStateProof(list: Items): StateProof {
  const proof = list.array().of(4);
  const key = proof.array();
  const code = key.uint();
  key.must(code <= 7n);
  key.of(code <= 4n ? 2 : 1);
  const found = code > 4n ? new Uint8Array(0) : code === 4n ? encodeUtf8(key.name()) : key.id();
  const value = proof.list(0, 1, (one) => one.bytes(ENTRY_SIZE_MAX))[0];
  const end = proof.array();
  const other = end.length === 0 ? undefined : { path: end.of(2).id(), hash: end.id() };
  proof.must(value === undefined || other === undefined);
  const siblings = proof.list(0, SIBLINGS_MAX, (one) => one.id());
  return { code, path: statePath(Number(code), found), value, other, siblings };
}

export function statePath(code: number, found: Uint8Array): Uint8Array {
  return sha256(DOMAIN, Uint8Array.of(code), found);
}

/** The entry's bytes, or undefined where there is none; throws unless the proof leads to the root. */
export function checkStateProof(proof: StateProof, root: Uint8Array): Uint8Array | undefined {
  const found = rootOf(proof);
  if (found === undefined || !equal(found, root)) throw new Refused('state-root');
  if (proof.value !== undefined && readEntry(proof.value) !== proof.code) throw new Refused('malformed-entry');
  return proof.value;
}

function rootOf({ path, value, other, siblings }: StateProof): Uint8Array | undefined {
  let hash: Uint8Array = EMPTY;
  if (value !== undefined) hash = leaf(path, sha256(value));
  else if (other !== undefined) {
    const agrees = siblings.every((_, depth) => bit(path, depth) === bit(other.path, depth));
    if (!agrees || equal(path, other.path)) return undefined;
    hash = leaf(other.path, other.hash);
  }
  return siblings.reduceRight((below, sibling, depth) => (bit(path, depth) === 1 ? sha256(NODE, sibling, below) : sha256(NODE, below, sibling)), hash);
}

function leaf(path: Uint8Array, valueHash: Uint8Array): Uint8Array {
  return sha256(concat(LEAF, path, valueHash));
}

function bit(path: Uint8Array, depth: number): number {
  return (path[depth >> 3]! >> (7 - (depth & 7))) & 1;
}
