/** The shared test vectors under spec/vectors: where they are, and how they are read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMisused, type Misused } from '../src/misuse.js';
import type { Policy } from '../src/policy.js';
import { parsePolicy } from '../src/policyfile.js';

/** `npm test` runs in the verifier's own folder. */
export const VECTORS = join(process.cwd(), '..', 'spec', 'vectors');

export interface Vector<T> {
  file: string;
  content: T;
}

export interface BundleVector {
  why: string;
  bundle: string;
  /** A policy's file, and the time now. */
  policy: { now_ms?: number };
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

export interface ForkVector {
  why: string;
  fork: string;
  keys: string[];
  expect: { exit: number; reason: string };
}

/** The policy of a vector, or that it is none: what is a file's is read as a file. */
export function policyOf({ now_ms: now, ...file }: BundleVector['policy']): Policy | Misused {
  const policy = parsePolicy(file);
  return isMisused(policy) || now === undefined ? policy : { ...policy, now_ms: now };
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
