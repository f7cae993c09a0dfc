/** What a verdict is about, and the sentence that says so ("Report" in spec/verdict.md). */
import type { Reference } from './policy.js';
import type { Axes, AxisState } from './verdict.js';

/** Fields are null where reading stopped before they were known; the checkpoint's are known once it verified. */
export interface Scope {
  log: string | null;
  key: string | null;
  first: number | null;
  last: number | null;
  size: number | null;
  root: string | null;
  opened: number;
  open_intents: number[];
  text: string;
}

export function emptyScope(): Scope {
  return { log: null, key: null, first: null, last: null, size: null, root: null, opened: 0, open_intents: [], text: '' };
}

/**
 * The sentence of a verdict that no step contradicts: what is covered, against which reference, and what is not.
 * `openCount` may be more than the scope lists.
 */
export function coveredText(scope: Scope, openCount: number, { consistency, completeness }: Axes, reference: Reference | undefined): string {
  const listed = scope.open_intents.join(', ');
  const more = openCount > scope.open_intents.length ? ', …' : '';
  const open = openCount > 0 ? [`intents without outcome: ${listed}${more}`] : [];
  const outside = scope.first === 0 ? 'later records not covered' : 'earlier and later records not covered';
  return [subject(scope)!, extent(consistency, completeness, reference), ...open, outside].join('; ');
}

/** The sentence of a failure: nothing is covered. `place` is where it is, and what was compared. */
export function refusedText(scope: Scope, place: string): string {
  return [subject(scope), `nothing is covered: ${place}`].filter((part) => part !== undefined).join('; ');
}

function subject({ log, key, first, last }: Scope): string | undefined {
  if (log === null) return undefined;
  const records = first === last ? `record ${first}` : `records ${first}–${last}`;
  const under = key === null ? '' : ` under key ${key.slice(0, 2)}…${key.slice(-2)}`;
  return `${records} of log ${log.slice(0, 4)}…${log.slice(-2)}${under}`;
}

function extent(consistency: AxisState, completeness: AxisState, reference: Reference | undefined): string {
  const checkpoint = `the checkpoint of size ${reference?.size}`;
  if (completeness.state === 'pass') return `complete against ${checkpoint}`;
  const open = `completeness not established (${completeness.reason})`;
  if (reference === undefined) return `no checkpoint to compare with, ${open}`;
  return consistency.state === 'pass' ? `consistent with ${checkpoint}, ${open}` : `not compared with ${checkpoint}, ${open}`;
}
