/** The key events that lie outside a bundle's range, judged as spec/verdict.md says below its table of steps. */
import { equal } from './bytes.js';
import type { Event } from './bundle.js';
import { judgePlace } from './chain.js';
import { EVENT_KINDS, type KeyRing } from './keyring.js';
import { leafHash, rootOfPath } from './merkle.js';
import { parseRecord, recordDigest } from './record.js';
import { allowsTime, type Reference } from './reference.js';
import { judgeSignature, type Signing } from './signature.js';
import type { Failure, Reason } from './verdict.js';

/** What an event is judged by: the signatures, the keys so far, and the times that the references bound. */
export interface Bench extends Signing {
  ring: KeyRing;
  /** Without the notes of other logs. */
  references: readonly Reference[];
  skewMs: number;
}

/** Where an event must be in the tree. */
interface Place {
  index: bigint;
  leaf: Uint8Array;
  path: Uint8Array[];
}

export class Events {
  /** How many there are in all. */
  readonly count: number;
  private waiting: Event[];
  private readonly places: Place[] = [];

  constructor(events: Event[]) {
    this.count = events.length;
    this.waiting = events;
  }

  /** Judges the events below index `end` that were not yet judged; the first that fails is the answer. `closed`: a terminal came before them. */
  judgeBelow(end: number, bench: Bench, closed: boolean): Failure | undefined {
    for (let event = this.waiting[0]; event !== undefined && event.index < end; event = this.waiting[0]) {
      const reason = judgeEvent(event, bench, closed);
      if (reason !== undefined) return { reason, index: asIndex(event.index) };
      const { index, bytes, path } = event;
      this.places.push({ index, leaf: leafHash(bytes), path });
      this.waiting.shift();
    }
    return undefined;
  }

  /** Step 18, `event-path`: every path leads from its record to the root of the tree of `size` leaves. */
  leadTo(root: Uint8Array, size: number): boolean {
    return this.places.every(({ index, leaf, path }) => {
      const reached = rootOfPath(leaf, index, size, path);
      return reached !== undefined && equal(reached, root);
    });
  }
}

/** Steps 3, 4, 5, 7, 11 to 14 and 16. */
function judgeEvent({ index, bytes, cose }: Event, bench: Bench, closed: boolean): Reason | undefined {
  const record = parseRecord(bytes);
  if (typeof record === 'string') return record;
  const misplaced = judgePlace(bench.logId, index, bytes, record);
  if (misplaced !== undefined) return misplaced;
  if (closed) return 'after-terminal';
  const { signer, failure } = bench.ring.rule(index, record);
  const signed = { digest: recordDigest(bytes), mode: record.mode, keyId: record.keyId };
  return (
    judgeSignature(signed, cose, signer, bench) ??
    failure ??
    (EVENT_KINDS.has(record.kind) ? undefined : 'key-history') ??
    (allowsTime(bench.references, index, record.claimed, bench.skewMs) ? undefined : 'time-bounds')
  );
}

/** As a number where it is one: an index may be any integer up to 2^64 − 1. */
export function asIndex(index: bigint): number | bigint {
  return index <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(index) : index;
}
