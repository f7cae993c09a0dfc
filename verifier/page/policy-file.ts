/** A policy file (JSON) as this verifier can apply it. */
import type { Policy } from '../src/policy.js';

/** What a policy file may hold, and how many of each this verifier takes. */
interface PolicyFile {
  keys?: unknown;
  references?: unknown;
  require?: unknown;
  upto?: unknown;
}

const MEMBERS = ['keys', 'references', 'require', 'upto'];

/** The policy, or in words why the file cannot be used. What it does not know it refuses: to pass over a term is to weaken it. */
export function policyOfFile(text: string): Policy | string {
  let file: PolicyFile;
  try {
    file = JSON.parse(text) as PolicyFile;
  } catch {
    return 'it is not JSON';
  }
  if (typeof file !== 'object' || file === null || Array.isArray(file)) return 'it is not an object';
  const unknown = Object.keys(file).find((member) => !MEMBERS.includes(member));
  if (unknown !== undefined) return `this verifier does not know the term ${JSON.stringify(unknown.slice(0, 40))}`;
  return policyOf(file);
}

function policyOf({ keys = [], references = [], require, upto }: PolicyFile): Policy | string {
  const policy: Policy = {};
  if (!isTexts(keys)) return 'keys is not a list of texts';
  if (keys.length > 1) return 'this verifier takes one key';
  if (keys[0] !== undefined) Object.assign(policy, /^[0-9a-fA-F]{64}$/.test(keys[0]) ? { keyId: keys[0] } : { key: keys[0] });
  if (!Array.isArray(references)) return 'references is not a list';
  if (references.length > 1) return 'this verifier takes one reference';
  if (references[0] !== undefined) {
    const { checkpoint, ...more } = Object(references[0]) as { checkpoint?: unknown };
    if (typeof checkpoint !== 'string') return 'a reference has no checkpoint';
    if (Object.keys(more).length > 0) return `this verifier does not know the term ${JSON.stringify(Object.keys(more)[0])} of a reference`;
    policy.reference = checkpoint;
  }
  if (require !== undefined) {
    if (!isTexts(require)) return 'require is not a list of axes';
    policy.require = require;
  }
  if (upto !== undefined) {
    if (typeof upto !== 'number' || !Number.isSafeInteger(upto) || upto < 1) return 'upto is not a number of records';
    policy.upto = upto;
  }
  return policy;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
