/** What a verdict is about, and the sentence that says so ("Report" in spec/verdict.md). */
import type { Reference } from './reference.js';
import type { Settled } from './settlement.js';
import type { Axes, AxisState } from './verdict.js';

/** How many open intents, and how many erased fields, are listed. */
export const LISTED_MAX = 16;

/** Fields are null where reading stopped before they were known; the checkpoint's are known once it verified. */
export interface Scope {
  log: string | null;
  /** The first of `keys`. */
  key: string | null;
  keys: string[];
  first: number | null;
  last: number | null;
  size: number | null;
  root: string | null;
  opened: number;
  open_intents: number[];
  /** Runs of indexes whose signatures are worth nothing, first and last. */
  revoked: [number, number][];
  /** A record, the label of a field of it, and the record that says it was erased. */
  erased: [number, string, number][];
  /** What chains say of the log, ascending by chain. */
  settlements: Settled[];
  text: string;
}

export function emptyScope(): Scope {
  return {
    log: null,
    key: null,
    keys: [],
    first: null,
    last: null,
    size: null,
    root: null,
    opened: 0,
    open_intents: [],
    revoked: [],
    erased: [],
    settlements: [],
    text: '',
  };
}

/** How many there are in all, of what the scope lists the first of. */
export interface Counts {
  open: number;
  erased: number;
}

/** The sentence of a verdict that no step contradicts: what is covered, against which reference, and what is not. */
export function coveredText(scope: Scope, counts: Counts, { consistency, completeness }: Axes, reference: Reference | undefined): string {
  const { revoked, open_intents: open, erased, settlements, first } = scope;
  const parts = [
    subject(scope),
    extent(consistency, completeness, reference),
    ...settlements.map((settled) => settledText(settled, reference)),
    listed('revoked', revoked.map(rangeText), revoked.length),
    listed('intents without outcome', open.map(String), counts.open),
    listed('erased', erased.map(([record, label, by]) => `${record} ${plain(label)} by ${by}`), counts.erased),
    first === 0 ? 'later records not covered' : 'earlier and later records not covered',
  ];
  return parts.filter((part) => part !== undefined).join('; ');
}

/** What a chain says, and what it counts for. */
function settledText({ chain, height, size, seats, standing }: Settled, reference: Reference | undefined): string {
  const name = `${chain.slice(0, 4)}…${chain.slice(-2)}`;
  if (standing === 'counted') return `settled on chain ${name} of ${seats} seats, size ${size} at height ${height}`;
  if (standing === 'chain-not-pinned') return `settlement on chain ${name} unchecked (${standing})`;
  const worth = reference === undefined ? 'completeness still unwitnessed' : 'not counted';
  return `settled on a chain of ${seats === 1 ? 'one' : seats}: ${worth}`;
}

/** The sentence of a failure: nothing is covered. `place` is where it is, and what was compared. */
export function refusedText(scope: Scope, place: string): string {
  return [subject(scope), `nothing is covered: ${place}`].filter((part) => part !== undefined).join('; ');
}

function subject({ log, keys, first, last }: Scope): string | undefined {
  if (log === null) return undefined;
  const records = `${first === last ? 'record' : 'records'} ${rangeText([first!, last!])}`;
  return `${records} of log ${log.slice(0, 4)}…${log.slice(-2)}${signers(keys.map((key) => `${key.slice(0, 2)}…${key.slice(-2)}`))}`;
}

function signers(keys: string[]): string {
  if (keys.length === 0) return '';
  return keys.length === 1 ? ` under key ${keys[0]}` : ` under keys ${keys[0]} to ${keys.at(-1)}`;
}

/** A label in a sentence: whatever could be taken for a part of the sentence is shown as `?`. */
function plain(label: string): string {
  return label.replace(/[^A-Za-z0-9_.-]/gu, '?');
}

function rangeText([first, last]: [number, number]): string {
  return first === last ? `${first}` : `${first}–${last}`;
}

/** `name: a, b, …`, or nothing where there is nothing; the dots where there are more than are listed. */
function listed(name: string, items: string[], count: number): string | undefined {
  const more = count > items.length ? ['…'] : [];
  return count === 0 ? undefined : `${name}: ${[...items, ...more].join(', ')}`;
}

function extent(consistency: AxisState, completeness: AxisState, reference: Reference | undefined): string {
  const checkpoint = `the ${reference?.isSettlement ? 'settlement' : 'checkpoint'} of size ${reference?.size}`;
  if (completeness.state === 'pass') return `complete against ${checkpoint}`;
  const open = `completeness not established (${completeness.reason})`;
  if (reference === undefined) return `no checkpoint to compare with, ${open}`;
  return consistency.state === 'pass' ? `consistent with ${checkpoint}, ${open}` : `not compared with ${checkpoint}, ${open}`;
}
