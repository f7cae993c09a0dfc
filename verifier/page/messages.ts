/** What the page and its worker say to each other. Everything passes by structured clone: plain data, no functions. */
import type { Value, ValueMap } from '../src/cbor.js';
import type { Misused } from '../src/misuse.js';
import type { Policy } from '../src/policy.js';
import type { Report } from '../src/verdict.js';

export const PAGE_SIZE = 200;

/** Which records the list holds; a field that is null does not restrict it. */
export interface Filter {
  kind: number | null;
  action: number | null;
  only: Only;
}

export type Only = 'all' | 'failed' | 'open' | 'opened' | 'erased' | 'sealed' | 'revoked' | 'outside';

/**
 * What may be said of one record. `covered`: in the scope of a verdict that no step contradicts. `outside`: after that scope.
 * `revoked`: signed by a key that was revoked before. `failed`: the first failure. `unjudged`: read, and no verdict covers it.
 */
export type Mark = 'covered' | 'outside' | 'revoked' | 'failed' | 'unjudged';

/** One line of the list. `time` is the operator's claim in ms, and null where the record could not be read. */
export interface Row {
  index: number;
  mark: Mark;
  kind: number | null;
  action: string | null;
  actorClass: number | null;
  time: number | null;
  mode: number | null;
  outcome: number | null;
  /** All openings of it, however many are shown. */
  opened: number;
  /** The outcome of an intent, the intent of an outcome. */
  partner: number | null;
  causeCount: number;
  erased: boolean;
}

export interface Cause {
  index: number;
  digest: string;
  /** Whether record `index` has this digest; null where the bundle does not hold it. */
  same: boolean | null;
  row: Row | null;
}

export interface Opened {
  label: string;
  salt: Uint8Array;
  value: Uint8Array;
}

/** One record with all that is known of it. */
export interface Detail {
  row: Row;
  bytes: Uint8Array;
  digest: string;
  leaf: string;
  signatureSize: number | null;
  /** Null where the bytes are no record; then `broken` is the reason code. */
  fields: ValueMap | null;
  broken: string | null;
  prev: Row | null;
  next: Row | null;
  /** The record of a kind `seal` whose signature covers this one. */
  seal: Row | null;
  causes: Cause[];
  /** Records that name this one as a cause: the first of them, and how many there are. */
  effects: Row[];
  effectCount: number;
  partner: Row | null;
  /** Indexes of all records before this one that lead to it, by causes and intents, ascending; at most ANCESTORS_MAX. */
  ancestors: number[];
  /** The first of its openings, OPENINGS_OF_ONE_MAX at most. */
  opened: Opened[];
  erased: { label: string; by: number }[];
}

export interface Totals {
  /** Records read, also those after the first failure. */
  records: number;
  /** Records that the list holds: no more than ROWS_MAX. */
  listed: number;
  first: number;
  openIntents: number;
  /** From this record on, causes, openings and erasures were too many to keep; null where all are there. */
  cutAt: number | null;
  kinds: { kind: number; count: number }[];
  actions: { action: number; name: string; count: number }[];
}

export type ToWorker =
  | { do: 'verify'; file: File; policy: Policy | Misused }
  | { do: 'list'; ask: number; filter: Filter; page: number }
  | { do: 'find'; ask: number; filter: Filter; index: number }
  | { do: 'show'; ask: number; index: number };

export type FromWorker =
  | { say: 'progress'; read: number; records: number; expected: number | null }
  | { say: 'report'; report: Report; json: string; totals: Totals; fork: boolean }
  | { say: 'file-digest'; hex: string }
  | { say: 'failed'; message: string }
  | { say: 'list'; ask: number; rows: Row[]; page: number; matched: number }
  | { say: 'show'; ask: number; detail: Detail | null; why: string };

export type { Misused, Policy, Report, Value, ValueMap };
