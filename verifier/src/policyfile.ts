/** A policy as a file (spec/verdict.md "Input"): JSON whose members are those named there and no others. */
import { decodeUtf8 } from './bytes.js';
import type { Policy } from './policy.js';

const FILE_SIZE_MAX = 1_048_576;

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
    return parsePolicy(JSON.parse(text));
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
