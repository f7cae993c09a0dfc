/** A policy as a file (spec/verdict.md "Input"): JSON whose members are those named there and no others. */
import { decodeUtf8 } from './bytes.js';
import { MisuseError, orMisused, quoted, type Misused } from './misuse.js';
import type { Policy } from './policy.js';

export const FILE_SIZE_MAX = 1_048_576;

/** A string with the colon that makes it a member's name, a number, or a bracket. */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?[0-9][-+.0-9eE]*)|[{}[\]]/g;

/** What is wrong with a value, undefined where nothing is. */
type Check = (value: unknown) => string | undefined;

const isText: Check = (value) => (typeof value === 'string' ? undefined : 'is no text');
const isNumber: Check = (value) => (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? undefined : 'is no integer from 0 to 2^53 − 1');
const isListOf = (check: Check): Check => (value) => {
  if (!Array.isArray(value)) return 'is no list';
  const faults = value.map((item, i) => ({ i, fault: check(item) }));
  const first = faults.find(({ fault }) => fault !== undefined);
  return first && `has an item, the ${ordinal(first.i)}, that ${first.fault}`;
};

const REFERENCE = { checkpoint: isText, requested: isNumber, received: isNumber };
const isReference: Check = (value) => faultOf(value, REFERENCE) ?? ('checkpoint' in (value as object) ? undefined : 'has no checkpoint');

const POLICY = {
  keys: isListOf(isText),
  references: isListOf(isReference),
  require: isListOf(isText),
  upto: isNumber,
  revocations: isListOf(isText),
  max_age_ms: isNumber,
  skew_ms: isNumber,
  chains: isListOf(isText),
};

/** The policy of a file, or why it is none. The time now is not in it. */
export function parsePolicyFile(bytes: Uint8Array): Policy | Misused {
  return orMisused(() => {
    if (bytes.length > FILE_SIZE_MAX) refuse('is larger than 1 MiB');
    const text = decodeUtf8(bytes) ?? refuse('is not UTF-8');
    const value = parseJson(text);
    checkUnambiguous(text);
    return policyOf(value);
  });
}

/** The same for a JSON value that has been read. */
export function parsePolicy(value: unknown): Policy | Misused {
  return orMisused(() => policyOf(value));
}

function policyOf(value: unknown): Policy {
  const fault = faultOf(value, POLICY);
  return fault === undefined ? (value as Policy) : refuse(fault);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return refuse('is not JSON');
    throw error;
  }
}

function refuse(fault: string): never {
  throw new MisuseError('misuse-policy', `the policy file ${fault}: it is one JSON object whose members are some of ${Object.keys(POLICY).join(', ')}`);
}

/** What keeps a JSON value from being an object without other members than these, each of which passes its check. */
function faultOf(value: unknown, members: { readonly [name: string]: Check }): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is no object';
  for (const [name, item] of Object.entries(value)) {
    if (!Object.hasOwn(members, name)) return `has a member ${quoted(name)}, which is none of its form`;
    const fault = members[name]!(item);
    if (fault !== undefined) return `has a member ${quoted(name)} that ${fault}`;
  }
  return undefined;
}

/**
 * Whether a text that JSON.parse has accepted says one thing to every reader: no member twice in an object, no number
 * but 0 and integers without sign, fraction or exponent, no half of a surrogate pair.
 */
function checkUnambiguous(text: string): void {
  /** The members so far of each object that is open; an array has none. */
  const open: Set<string>[] = [];
  for (const [token, string, colon, number] of text.matchAll(TOKEN)) {
    if (string !== undefined) {
      const value = JSON.parse(string) as string;
      const members = open.at(-1);
      if (/\p{Surrogate}/u.test(value)) refuse('has a text with half of a surrogate pair');
      if (colon !== undefined && members?.has(value)) refuse(`has a member ${quoted(value)} twice`);
      if (colon !== undefined) members?.add(value);
    } else if (number !== undefined) {
      if (!/^(0|[1-9][0-9]*)$/.test(number)) refuse(`has a number ${quoted(number)}, with a sign, a point or an exponent`);
    } else if (token === '{' || token === '[') open.push(new Set());
    else open.pop();
  }
}

function ordinal(place: number): string {
  return ['first', 'second', 'third'][place] ?? `${place + 1}th`;
}
