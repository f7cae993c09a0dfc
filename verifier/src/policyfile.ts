/** A policy as a file (spec/verdict.md "Input"): JSON whose members are those named there and no others. */
import { decodeUtf8 } from './bytes.js';
import type { Policy } from './policy.js';

const FILE_SIZE_MAX = 1_048_576;

/** A string with the colon that makes it a member's name, a number, or a bracket. */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?[0-9][-+.0-9eE]*)|[{}[\]]/g;

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isListOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);

const REFERENCE = { checkpoint: isText, requested: isNumber, received: isNumber };
const isReference: Check = (value) => hasOnly(value, REFERENCE) && 'checkpoint' in value;

const POLICY = {
  keys: isListOf(isText),
  references: isListOf(isReference),
  require: isListOf(isText),
  upto: isNumber,
  revocations: isListOf(isText),
  max_age_ms: isNumber,
  skew_ms: isNumber,
};

/** The policy of a file, or `misuse-policy`. The time now is not in it. */
export function parsePolicyFile(bytes: Uint8Array): Policy | 'misuse-policy' {
  const text = bytes.length <= FILE_SIZE_MAX ? decodeUtf8(bytes) : undefined;
  if (text === undefined) return 'misuse-policy';
  try {
    const value: unknown = JSON.parse(text);
    return isUnambiguous(text) ? parsePolicy(value) : 'misuse-policy';
  } catch (error) {
    if (error instanceof SyntaxError) return 'misuse-policy';
    throw error;
  }
}

/** The same for a JSON value that has been read. */
export function parsePolicy(value: unknown): Policy | 'misuse-policy' {
  return hasOnly(value, POLICY) ? (value as Policy) : 'misuse-policy';
}

/** True for a JSON object without other members than these, each of which passes its check. */
function hasOnly(value: unknown, members: { readonly [name: string]: Check }): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([name, item]) => Object.hasOwn(members, name) && members[name]!(item));
}

/**
 * True if a text that JSON.parse has accepted says one thing to every reader: no member twice in an object, no number
 * but 0 and integers without sign, fraction or exponent, no half of a surrogate pair.
 */
function isUnambiguous(text: string): boolean {
  /** The members so far of each object that is open; an array has none. */
  const open: Set<string>[] = [];
  for (const [token, string, colon, number] of text.matchAll(TOKEN)) {
    if (string !== undefined) {
      const value = JSON.parse(string) as string;
      const members = open.at(-1);
      if (/\p{Surrogate}/u.test(value) || (colon !== undefined && members?.has(value))) return false;
      if (colon !== undefined) members?.add(value);
    } else if (number !== undefined) {
      if (!/^(0|[1-9][0-9]*)$/.test(number)) return false;
    } else if (token === '{' || token === '[') open.push(new Set());
    else open.pop();
  }
  return true;
}
