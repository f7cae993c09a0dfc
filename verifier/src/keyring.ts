/** Which key is in force at each index, and what each key's signatures are worth (spec/keys.md "Key events"; verdict.md, step 16). */
import { concat, encodeUtf8, equal } from './bytes.js';
import { parseSpki, SIGNATURE_SIZE, type PublicKey, type VerifySignature } from './keys.js';
import { ID_SIZE, KIND, type Fact, type Record } from './record.js';
import type { Reason } from './verdict.js';

const EVENT_COUNT_MAX = 256;
/** The kinds that are key events. */
export const EVENT_KINDS: ReadonlySet<number> = new Set([KIND.genesis, KIND.rotate, KIND.revoke]);

type Facts = Map<string, Fact>;

/** The two key ids that may follow the key in force. */
interface Commitment {
  next: Uint8Array;
  recovery: Uint8Array;
}

/** What all revocations of one key leave good: indexes below `effective`, and, where there is a `since`, only those seen by then. */
export interface Worth {
  effective: bigint;
  since: bigint | undefined;
}

/** A listed key that came into force: the first index of its run, what was committed then, and what revocations say. */
interface Term {
  start: number;
  committed: Commitment | undefined;
  worth: Worth | undefined;
}

/** What a record means for the keys: who must sign it (undefined: a key that the bundle does not list), and a failure of step 16. */
export interface Ruling {
  signer: PublicKey | undefined;
  failure: Reason | undefined;
}

/** One key's indexes, `first` to `last`, and what revocations say of them. */
export interface Run extends Worth {
  first: number;
  last: number;
}

export class KeyRing {
  /** One for each key that has come into force so far, in the order of the listed keys. */
  private readonly terms: Term[] = [{ start: 0, committed: undefined, worth: undefined }];

  /** Key events so far, genesis counted. */
  eventCount = 0;

  /** `keys` are those that the bundle lists; `logId` is its header's. */
  constructor(
    private readonly keys: readonly PublicKey[],
    private readonly logId: Uint8Array,
    private readonly verify: VerifySignature,
  ) {}

  get inForce(): PublicKey {
    return this.keys[this.terms.length - 1]!;
  }

  /** True if some listed key never came into force. */
  get hasLeftOver(): boolean {
    return this.terms.length < this.keys.length;
  }

  /** True once genesis was read: only then is it known who was committed. */
  get knowsCommitments(): boolean {
    return this.terms[0]!.committed !== undefined;
  }

  /** The rows of step 16 that are about keys. Records and events come in the order of their indexes, each once. */
  rule(index: bigint, record: Record): Ruling {
    const signer = this.signerOf(record);
    return { signer, failure: this.change(index, record) };
  }

  /**
   * A revocation that the verifier brought. It counts if its signer was committed while the revoked key was in force,
   * or was in force after it; anything else, and a key that the log never had, is passed over.
   */
  revoke(revoked: Uint8Array, signer: Uint8Array, worth: Worth): void {
    const place = this.placeOf(revoked);
    if (place < 0 || place >= this.terms.length || equal(signer, revoked)) return;
    const { committed } = this.terms[place]!;
    const wasCommitted = committed !== undefined && (equal(signer, committed.next) || equal(signer, committed.recovery));
    const signerPlace = this.placeOf(signer);
    if (wasCommitted || (signerPlace > place && signerPlace < this.terms.length)) this.lower(place, worth);
  }

  /** True if `id` is that of a key that has been in force. */
  had(id: Uint8Array): boolean {
    const place = this.placeOf(id);
    return place >= 0 && place < this.terms.length;
  }

  /** The runs of the keys that some revocation is about, cut to indexes `first` to `last`. */
  revokedRuns(first: number, last: number): Run[] {
    return this.terms.flatMap(({ start, worth }, place) => {
      if (worth === undefined) return [];
      const run = { first: Math.max(first, start), last: Math.min(last, (this.terms[place + 1]?.start ?? Infinity) - 1), ...worth };
      return run.first <= run.last ? [run] : [];
    });
  }

  /** The key in force signs, but for a revoke of that key: its successor does. */
  private signerOf({ kind, facts }: Record): PublicKey | undefined {
    const revokesItself = kind === KIND.revoke && isBytes(facts.get('revoked'), this.inForce.id);
    return revokesItself ? this.keys[this.terms.length] : this.inForce;
  }

  private change(index: bigint, record: Record): Reason | undefined {
    if (!EVENT_KINDS.has(record.kind)) return undefined;
    this.eventCount += 1;
    if (this.eventCount > EVENT_COUNT_MAX) return 'key-event';
    if (record.kind === KIND.genesis) return this.begin(record.facts);
    if (record.kind === KIND.rotate) return this.rotate(index, record);
    return this.judgeRevoke(index, record.facts);
  }

  private begin(facts: Facts): Reason | undefined {
    const committed = readCommitment(facts);
    if (committed === undefined || !isBytes(facts.get('key'), this.keys[0]!.spki)) return 'genesis-key';
    this.terms[0]!.committed = committed;
    return undefined;
  }

  private rotate(index: bigint, { facts, prev }: Record): Reason | undefined {
    const key = readKey(facts);
    const committed = readCommitment(facts);
    const proof = facts.get('proof');
    const formed = key !== undefined && committed !== undefined && proof instanceof Uint8Array && proof.length === SIGNATURE_SIZE;
    // Field 4 is absent only at index 0, where a rotate has failed step 4.
    if (!formed || prev === undefined) return 'key-event';
    const before = this.terms.at(-1)!.committed;
    if (before === undefined || !this.isNextListed(key)) return 'key-history';
    if (!equal(key.id, before.next) || !equal(committed.recovery, before.recovery)) return 'pre-rotation';
    const { next, recovery } = committed;
    const place = new Uint8Array(8);
    new DataView(place.buffer).setBigUint64(0, index);
    const message = concat(encodeUtf8('oar-rotate-v1\0'), this.logId, place, prev, key.id, next, recovery);
    if (!this.verify(key.raw, message, proof)) return 'rotation-proof';
    this.terms.push({ start: Number(index) + 1, committed, worth: undefined });
    return undefined;
  }

  private judgeRevoke(index: bigint, facts: Facts): Reason | undefined {
    const [revoked, effective, since] = [facts.get('revoked'), facts.get('effective'), facts.get('since')];
    if (!isId(revoked) || typeof effective !== 'bigint' || effective > index) return 'key-event';
    if (since !== undefined && typeof since !== 'bigint') return 'key-event';
    const place = this.placeOf(revoked);
    if (place < 0 || place >= this.terms.length) return 'key-event';
    const isInForce = place === this.terms.length - 1;
    const failure = isInForce ? this.succeed(index, facts) : namesSuccessor(facts) ? 'key-event' : undefined;
    if (failure === undefined) this.lower(place, { effective, since });
    return failure;
  }

  /** The successor that a revoke of the key in force names: it signed that record, and is in force from it on. */
  private succeed(index: bigint, facts: Facts): Reason | undefined {
    const key = readKey(facts);
    const committed = readCommitment(facts);
    if (key === undefined || committed === undefined) return 'key-event';
    const before = this.terms.at(-1)!.committed;
    if (before === undefined || !this.isNextListed(key)) return 'key-history';
    if (!equal(key.id, before.next) && !equal(key.id, before.recovery)) return 'pre-rotation';
    this.terms.push({ start: Number(index), committed, worth: undefined });
    return undefined;
  }

  private isNextListed(key: PublicKey): boolean {
    return this.hasLeftOver && equal(this.keys[this.terms.length]!.id, key.id);
  }

  private placeOf(id: Uint8Array): number {
    return this.keys.findIndex((key) => equal(key.id, id));
  }

  /** Of several revocations of a key each must leave an index good, so only the least `effective` and `since` matter. */
  private lower(place: number, { effective, since }: Worth): void {
    const term = this.terms[place]!;
    const { worth = { effective, since } } = term;
    const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
    term.worth = {
      effective: least(effective, worth.effective),
      since: since === undefined || worth.since === undefined ? (since ?? worth.since) : least(since, worth.since),
    };
  }
}

function readKey(facts: Facts): PublicKey | undefined {
  const key = facts.get('key');
  return key instanceof Uint8Array ? parseSpki(key) : undefined;
}

function readCommitment(facts: Facts): Commitment | undefined {
  const [next, recovery] = [facts.get('next'), facts.get('recovery')];
  return isId(next) && isId(recovery) ? { next, recovery } : undefined;
}

function namesSuccessor(facts: Facts): boolean {
  return ['key', 'next', 'recovery'].some((fact) => facts.has(fact));
}

function isId(fact: Fact | undefined): fact is Uint8Array {
  return fact instanceof Uint8Array && fact.length === ID_SIZE;
}

function isBytes(fact: Fact | undefined, bytes: Uint8Array): boolean {
  return fact instanceof Uint8Array && equal(fact, bytes);
}
