/** Wrong usage (spec/verdict.md "Input"): which one it is, and, for whoever brought it, what is wrong and what to do. */
import type { Misuse } from './verdict.js';

const QUOTED_MAX = 24;

export interface Misused {
  misuse: Misuse;
  /** What is wrong and what to do, in one line without a full stop. */
  why: string;
}

/** Thrown inside whatever reads what the verifier brings; its readers give back `misused`. */
export class MisuseError extends Error {
  readonly misused: Misused;

  constructor(misuse: Misuse, why: string) {
    super(why);
    this.misused = { misuse, why };
  }
}

export function isMisused<T extends object>(read: T | Misused): read is Misused {
  return 'misuse' in read;
}

/** What `read` gives, or the misuse that it throws. */
export function orMisused<T extends object>(read: () => T): T | Misused {
  try {
    return read();
  } catch (error) {
    if (error instanceof MisuseError) return error.misused;
    throw error;
  }
}

/** The beginning of a text between quotes, with `?` for whatever could be taken for something else. */
export function quoted(text: string): string {
  const start = [...text].slice(0, QUOTED_MAX).join('');
  return `“${start.replace(/[^\x20-\x7e]/gu, '?')}${start.length < text.length ? '…' : ''}”`;
}
