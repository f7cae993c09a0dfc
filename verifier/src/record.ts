/** One record by spec/record.md: the checks of step 3 (profile, CDDL, mode, kind, extensions) and its digests. */
import { compareLabels, decode, Malformed, type Value, type ValueMap } from './cbor.js';
import { encodeUtf8 } from './bytes.js';
import { sha3_256, sha3_512 } from './hashes.js';

export const RECORD_SIZE_MAX = 61_440;
export const ID_SIZE = 32;
export const DIGEST_SIZE = 64;
const ENTRIES_MAX = 64;
const CAUSES_MAX = 64;
const CRITICAL_MAX = 16;
const LABEL_SIZE_MAX = 64;
const ERASED_MAX = 64;
const RECORD_DOMAIN = encodeUtf8('oar-record-v1\0');
const COMMIT_DOMAIN = encodeUtf8('oar-commit-v1\0');

/** Kinds that this version gives fields to; the other codes up to 17 are reserved. */
export const KIND = {
  genesis: 0,
  intent: 1,
  outcome: 2,
  deny: 3,
  seal: 5,
  rotate: 6,
  revoke: 7,
  heartbeat: 12,
  erase: 13,
  terminal: 15,
  detail: 17,
} as const;
const KIND_MAX = 17;
const CLASS_MAX = 4;
const OUTCOME_MAX = 4;
const SPECIFIED: ReadonlySet<number> = new Set(Object.values(KIND));
/** Witness, heartbeat, gap and detail may be signed each or sealed; every other kind is signed each. */
const EITHER: ReadonlySet<number> = new Set([11, 12, 14, 17]);

export const MODE = { each: 0, sealed: 1 } as const;

export type Fact = bigint | Uint8Array | string | Value[];

/** The fields that later steps read; names follow the CDDL. */
export interface Record {
  logId: Uint8Array;
  index: bigint;
  prev: Uint8Array | undefined;
  /** The wall clock that the operator claims, ms. */
  claimed: bigint;
  kind: number;
  facts: Map<string, Fact>;
  commitments: Map<string, Uint8Array>;
  /** D of the intent, in outcomes. */
  intent: Uint8Array | undefined;
  mode: number;
  keyId: Uint8Array;
}

export type RecordReason = 'malformed-record' | 'unsupported-kind' | 'unsupported-extension';

/** Step 3 for the bytes of one record: the record, or why not. */
export function parseRecord(bytes: Uint8Array): Record | RecordReason {
  try {
    const fields = decodeFields(bytes);
    const record = readFields(fields);
    const critical = readExtensions(fields);
    if (!SPECIFIED.has(record.kind)) return 'unsupported-kind';
    // This version knows no extension, so every critical label is unknown.
    return critical.length > 0 ? 'unsupported-extension' : record;
  } catch (error) {
    if (error instanceof Malformed) return 'malformed-record';
    throw error;
  }
}

/** D(record): SHA3-512, 64 bytes. */
export function recordDigest(bytes: Uint8Array): Uint8Array {
  return sha3_512(RECORD_DOMAIN, bytes);
}

/** A commitment to one field: SHA3-256, 32 bytes; `label` is 1 to 64 bytes, `salt` 32. */
export function commitment(salt: Uint8Array, label: string, value: Uint8Array): Uint8Array {
  const name = encodeUtf8(label);
  return sha3_256(COMMIT_DOMAIN, salt, Uint8Array.of(name.length), name, value);
}

/** What an erase record says is gone: fields of an earlier record. */
export interface Erasure {
  record: bigint;
  labels: string[];
}

/** The facts of an erase at index `at` ("Genesis, intent, outcome, seal, erase"), or undefined if they lack the form. */
export function readErasure(facts: Map<string, Fact>, at: number): Erasure | undefined {
  try {
    const record = uintOf(facts.get('record'));
    require(record < BigInt(at));
    bytesOf(facts.get('record_digest'), DIGEST_SIZE);
    const labels = arrayOf(facts.get('labels'), 1, ERASED_MAX).map(labelOf);
    requireAscending(labels);
    return { record, labels };
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function decodeFields(bytes: Uint8Array): ValueMap {
  require(bytes.length <= RECORD_SIZE_MAX);
  const fields = decode(bytes);
  require(fields instanceof Map);
  for (const key of fields.keys()) require(typeof key === 'bigint' && key >= 1n && key <= 19n);
  return fields;
}

/** Fields 1 to 17, in the order of the CDDL. */
function readFields(fields: ValueMap): Record {
  require(fields.get(1n) === 1n);
  const logId = bytesOf(fields.get(2n), ID_SIZE);
  const index = uintOf(fields.get(3n));
  const prev = optional(fields.get(4n), (value) => bytesOf(value, DIGEST_SIZE));
  require((prev === undefined) === (index === 0n));
  const claimed = uintOf(fields.get(5n));
  checkPair(fields.get(6n), (boot) => bytesOf(boot, ID_SIZE), uintOf);
  const kind = codeOf(fields.get(7n), KIND_MAX);
  checkPair(fields.get(8n), (actorClass) => codeOf(actorClass, CLASS_MAX), (id) => bytesOf(id, ID_SIZE));
  checkPair(fields.get(9n), (policy) => bytesOf(policy, ID_SIZE), uintOf);
  labelOf(fields.get(10n));
  optional(fields.get(11n), (causes) => checkCauses(causes, index));
  const facts = optional(fields.get(12n), (value) => labelled(value, factOf));
  const commitments = optional(fields.get(13n), (value) => labelled(value, (id) => bytesOf(id, ID_SIZE)));
  const intent = optional(fields.get(14n), (value) => bytesOf(value, DIGEST_SIZE));
  const outcome = optional(fields.get(15n), (value) => codeOf(value, OUTCOME_MAX));
  require((intent !== undefined) === (kind === KIND.outcome) && (outcome !== undefined) === (kind === KIND.outcome));
  const mode = codeOf(fields.get(16n), MODE.sealed);
  require(mode === MODE.each || EITHER.has(kind));
  const keyId = bytesOf(fields.get(17n), ID_SIZE);
  return { logId, index, prev, claimed, kind, facts: facts ?? new Map(), commitments: commitments ?? new Map(), intent, mode, keyId };
}

/** Fields 18 and 19; returns the critical labels, each of which must be in field 19. */
function readExtensions(fields: ValueMap): string[] {
  const extensions = optional(fields.get(19n), (value) => labelled(value, extensionOf));
  const critical = optional(fields.get(18n), (value) => arrayOf(value, 1, CRITICAL_MAX).map(labelOf)) ?? [];
  requireAscending(critical);
  for (const label of critical) require(extensions?.has(label) === true);
  return critical;
}

function checkCauses(value: Value, index: bigint): void {
  let before = -1n;
  for (const cause of arrayOf(value, 1, CAUSES_MAX)) {
    checkPair(cause, uintOf, (digest) => bytesOf(digest, DIGEST_SIZE));
    const at = (cause as Value[])[0] as bigint;
    require(at > before && at < index);
    before = at;
  }
}

function require(condition: boolean): asserts condition {
  if (!condition) throw new Malformed('not the CDDL of a record');
}

function optional<T>(value: Value | undefined, read: (value: Value) => T): T | undefined {
  return value === undefined ? undefined : read(value);
}

function uintOf(value: Value | undefined): bigint {
  require(typeof value === 'bigint');
  return value;
}

function codeOf(value: Value | undefined, max: number): number {
  const code = uintOf(value);
  require(code <= BigInt(max));
  return Number(code);
}

function bytesOf(value: Value | undefined, size: number): Uint8Array {
  require(value instanceof Uint8Array && value.length === size);
  return value;
}

/** A text of 1 to 64 bytes of UTF-8. */
function labelOf(value: Value | undefined): string {
  require(typeof value === 'string');
  const size = encodeUtf8(value).length;
  require(size >= 1 && size <= LABEL_SIZE_MAX);
  return value;
}

function arrayOf(value: Value | undefined, min: number, max: number): Value[] {
  require(Array.isArray(value) && value.length >= min && value.length <= max);
  return value;
}

/** Labels in the order of map keys, none twice. */
function requireAscending(labels: string[]): void {
  labels.forEach((label, i) => require(i === 0 || compareLabels(labels[i - 1]!, label) < 0));
}

function checkPair(value: Value | undefined, first: (value: Value) => unknown, second: (value: Value) => unknown): void {
  const [a, b] = arrayOf(value, 2, 2);
  first(a!);
  second(b!);
}

function labelled<T>(value: Value, read: (value: Value) => T): Map<string, T> {
  require(value instanceof Map && value.size >= 1 && value.size <= ENTRIES_MAX);
  return new Map([...value].map(([label, item]) => [labelOf(label), read(item)]));
}

function factOf(value: Value): Fact {
  require(!(value instanceof Map));
  if (Array.isArray(value)) value.forEach((item) => require(!Array.isArray(item) && !(item instanceof Map)));
  return value;
}

/** The CDDL's `value`: anything of the profile, as long as map keys are texts. */
function extensionOf(value: Value): void {
  if (Array.isArray(value)) value.forEach(extensionOf);
  if (!(value instanceof Map)) return;
  for (const [key, item] of value) {
    require(typeof key === 'string');
    extensionOf(item);
  }
}
