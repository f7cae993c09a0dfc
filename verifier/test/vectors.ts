/** The shared test vectors under spec/vectors: where they are, and how they are read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Policy } from '../src/policy.js';

/** `npm test` runs in the verifier's own folder. */
export const VECTORS = join(process.cwd(), '..', 'spec', 'vectors');

export interface Vector<T> {
  file: string;
  content: T;
}

export interface BundleVector {
  why: string;
  bundle: string;
  policy: { key?: string; key_id?: string; reference?: string; require?: string[]; upto?: number };
  expect: {
    verdict: string | null;
    exit: number;
    reason: string | null;
    /** A text where a number would lose digits. */
    index: number | string | null;
    step: number | null;
    axes?: { [axis: string]: string };
    /** The scope sentence; absent for a wrong usage. */
    text?: string;
  };
}

/** The policy of a vector in the names of this verifier; null stands for absent. */
export function policyOf({ key, key_id, reference, require, upto }: BundleVector['policy']): Policy {
  const fields = Object.entries({ key, keyId: key_id, reference, require, upto });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined && value !== null)) as Policy;
}

/** Every JSON file of spec/vectors/<kind>/<side>; a folder that is missing or empty is an error, not a pass. */
export function readVectors<T>(kind: string, side: 'accept' | 'reject'): Vector<T>[] {
  const folder = join(VECTORS, kind, side);
  const files = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();
  if (files.length === 0) throw new Error(`no vectors in ${kind}/${side}`);
  return files.map((name) => ({ file: `${kind}/${side}/${name}`, content: parse(readFileSync(join(folder, name), 'utf8')) as T }));
}

/** JSON.parse, but an index above 2^53 comes as a text with all its digits. */
function parse(text: string): unknown {
  return JSON.parse(text.replace(/("index": ?)(\d{17,})/g, '$1"$2"'));
}
