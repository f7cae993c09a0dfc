/** The verifier: takes a bundle in pieces of any size and judges it by the steps of spec/verdict.md. */
import { equal, toHex } from './bytes.js';
import { BundleFault, BundleReader, type Event, type Header, type Item, type Opening } from './bundle.js';
import { Chain, SignatureRun } from './chain.js';
import { isSigned, readCheckpoint, type Checkpoint } from './checkpoint.js';
import { asIndex, Events, type Bench } from './events.js';
import { KeyRing } from './keyring.js';
import { verifyMlDsa65, type PublicKey, type VerifySignature } from './keys.js';
import { isMisused, orMisused } from './misuse.js';
import { checkUpto, readPolicy, type Policy, type Terms } from './policy.js';
import { commitment, KIND, readErasure, type Fact, type Record } from './record.js';
import { allowsTime, ascending, compareReference, greatest, verifyNote, type Reference, type TreeHead } from './reference.js';
import { coveredText, emptyScope, LISTED_MAX, type Counts } from './scope.js';
import { judgeSettlement } from './settlement.js';
import { judgeSignature, type Signed } from './signature.js';
import { Source } from './source.js';
import { isSelfAsserted, standingOf } from './standing.js';
import { comesBefore, failureReport, misuseReport, passedReport, type Failure, type Reason, type Report } from './verdict.js';

/** What of a record its signature and its openings are judged by. */
interface Held extends Signed {
  /** The listed key that must have signed it. */
  signer: PublicKey | undefined;
  commitments: Map<string, Uint8Array>;
  /** A seal's fact `signatures`. */
  sealed: Fact | undefined;
}

/** The chunk being read: the records that passed steps 3 to 10, which end at the first that did not. */
interface Chunk {
  start: number;
  count: number;
  held: Held[];
}

/**
 * Is told of every item once it has been judged, to show what a bundle holds: `end` is where the item ends in the file,
 * `digest` is D of a record that passed steps 3 to 10. What it is told is not yet covered by any verdict.
 */
export type Watch = (item: Item, end: number, digest: Uint8Array | undefined) => void;

/**
 * new Verifier(policy), feed(bytes) as often as needed, finish() for the report. Nothing here throws on any bundle
 * or policy. Memory does not grow with the bundle, but for the open intents and, up to their limit, the key events.
 */
export class Verifier {
  private readonly source = new Source();
  private readonly items = new BundleReader(this.source).items();
  private terms: Terms | undefined;
  private report: Report | undefined;
  private worst: Failure | undefined;
  // Set in the order of the file, each by its part.
  private header!: Header;
  private keys!: PublicKey[];
  private events!: Events;
  private bench!: Bench;
  private chain!: Chain;
  private run!: SignatureRun;
  private chunk!: Chunk;
  private newestMs = 0n;
  private checkpoint!: Checkpoint;
  private readonly scope = emptyScope();
  private readonly counts: Counts = { open: 0, erased: 0 };
  private haveLess: number | undefined;
  /** Why the first settlement that is wrong is. */
  private unsettled: Reason | undefined;

  /** `verify` can be replaced by one that remembers earlier answers. */
  constructor(
    policy: Policy,
    private readonly verify: VerifySignature = verifyMlDsa65,
    private readonly watch?: Watch,
  ) {
    const terms = readPolicy(policy, verify);
    if (isMisused(terms)) this.report = misuseReport(terms, this.scope);
    else this.terms = terms;
  }

  /** Takes the next bytes of the bundle; false when the verdict is known and no more are needed. */
  feed(bytes: Uint8Array): boolean {
    this.source.push(bytes);
    this.advance();
    return this.report === undefined;
  }

  /** Says that the bundle is over, and gives the report. */
  finish(): Report {
    this.source.end();
    this.advance();
    return this.report!;
  }

  private advance(): void {
    try {
      while (this.report === undefined) {
        const next = this.items.next();
        if (next.done) this.pass();
        else if (next.value === undefined) return;
        else {
          this.judge(next.value);
          this.tell(next.value);
        }
      }
    } catch (error) {
      // Steps 1 and 2: reading stops here, and what failed before it in this chunk still counts.
      if (!(error instanceof BundleFault)) throw error;
      this.note(error.reason, error.index);
      this.stopIfFailed();
    }
  }

  private tell(item: Item): void {
    const record = item.part === 'record' ? this.chunk.held[item.index - this.chunk.start] : undefined;
    this.watch?.(item, this.source.consumed, record?.digest);
  }

  private judge(item: Item): void {
    switch (item.part) {
      case 'header':
        this.beginLog(item.header);
        break;
      case 'keys':
        this.takeKeys(item.keys, item.events);
        this.stopIfFailed();
        break;
      case 'settlement':
        this.judgeSettlement(item.proof);
        break;
      case 'left':
        this.chain = new Chain(this.header, item.hashes, new Set(this.terms!.references.map(({ size }) => size)));
        this.run = new SignatureRun(this.header.first === 0);
        break;
      case 'chunk':
        this.chunk = { start: item.start, count: item.count, held: [] };
        break;
      case 'record':
        this.judgeRecord(item.index, item.bytes);
        break;
      case 'signature':
        this.judgeSignature(item.index, item.cose);
        break;
      case 'opening':
        this.judgeOpening(item.opening);
        break;
      case 'chunk-end':
        this.stopIfFailed();
        if (this.report === undefined && this.chunk.start + this.chunk.count === this.end) this.endRecords();
        break;
      case 'checkpoint':
        this.judgeCheckpoint(item.right, item.note);
        this.stopIfFailed();
        break;
    }
  }

  private beginLog(header: Header): void {
    this.header = header;
    this.scope.log = toHex(header.logId);
    this.scope.first = header.first;
    this.scope.last = header.first + header.count - 1;
  }

  /** The keys, and the events before the range. */
  private takeKeys(keys: PublicKey[], events: Event[]): void {
    this.keys = keys;
    this.scope.keys = keys.map(({ id }) => toHex(id));
    this.scope.key = this.scope.keys[0]!;
    this.events = new Events(events);
    const { trusted, references, skewMs } = this.terms!;
    const { logId } = this.header;
    const isTrusted = trusted.size === 0 || this.scope.keys.some((id) => trusted.has(id));
    const ring = new KeyRing(keys, logId, this.verify);
    const log = toHex(logId);
    const ofThis = references.filter(({ note }) => note === undefined || note.log === log);
    this.bench = { logId, isTrusted, verify: this.verify, ring, references: ofThis, skewMs };
    this.judgeEventsBelow(this.header.first, false);
  }

  private judgeEventsBelow(end: number, closed: boolean): void {
    const failure = this.events.judgeBelow(end, this.bench, closed);
    if (failure !== undefined) this.note(failure.reason, failure.index);
  }

  /** Step 20 of a settlement, looked at where it stands: the chain watches its size. What fails here is said in that step. */
  private judgeSettlement(proof: Uint8Array): void {
    if (this.unsettled !== undefined) return;
    const terms = this.terms!;
    const judged = judgeSettlement(proof, this.header.logId, terms.chains, this.verify);
    const before = this.scope.settlements.at(-1);
    if (typeof judged === 'string') this.unsettled = judged;
    else if (before !== undefined && before.chain >= judged.settled.chain) this.unsettled = 'settlement';
    else {
      this.scope.settlements.push(judged.settled);
      if (judged.reference !== undefined) this.terms = withReference(terms, judged.reference);
    }
  }

  /** Steps 3 to 10 and 16. Records after a failed one are not judged: whatever they show has a higher index. */
  private judgeRecord(index: number, bytes: Uint8Array): void {
    if (this.chunk.held.length < index - this.chunk.start) return;
    const accepted = this.chain.accept(index, bytes);
    if (typeof accepted === 'string') return this.note(accepted, index);
    const { record, digest } = accepted;
    const { kind, mode, keyId, facts, commitments, claimed } = record;
    const { signer, failure } = this.bench.ring.rule(BigInt(index), record);
    const sealed = kind === KIND.seal ? facts.get('signatures') : undefined;
    this.chunk.held.push({ digest, mode, keyId, signer, commitments, sealed });
    this.newestMs = claimed;
    // Step 16, whose rows come in this order.
    if (failure !== undefined) this.note(failure, index);
    if (kind === KIND.erase) this.judgeErase(index, record);
    if (!allowsTime(this.bench.references, BigInt(index), claimed, this.bench.skewMs)) this.note('time-bounds', index);
  }

  private judgeErase(index: number, { facts }: Record): void {
    const erasure = readErasure(facts, index);
    if (erasure === undefined) return this.note('erase', index);
    const { erased } = this.scope;
    this.counts.erased += erasure.labels.length;
    for (const label of erasure.labels.slice(0, LISTED_MAX - erased.length)) erased.push([Number(erasure.record), label, index]);
  }

  /** Steps 11 to 14, and what step 10 says of a seal's `signatures`. */
  private judgeSignature(index: number, cose: Uint8Array): void {
    const held = this.chunk.held[index - this.chunk.start];
    if (held === undefined) return;
    if (!this.run.add(held.sealed, cose)) this.note('seal', index);
    const reason = judgeSignature(held, cose, held.signer, this.bench);
    if (reason !== undefined) this.note(reason, index);
  }

  /** Step 15. */
  private judgeOpening({ index, label, salt, value }: Opening): void {
    const place = index - BigInt(this.chunk.start);
    const inChunk = place >= 0n && place < BigInt(this.chunk.count);
    const held = inChunk ? this.chunk.held[Number(place)] : undefined;
    // A record of this chunk that failed earlier steps, or came after one that did, is not looked at again.
    if (inChunk && held === undefined) return;
    const committed = held?.commitments.get(label);
    if (committed !== undefined && equal(committed, commitment(salt, label, value))) this.scope.opened += 1;
    else this.note('opening', asIndex(index));
  }

  /** The last chunk has ended: the events after the range, then whether the keys and the events had any use. */
  private endRecords(): void {
    const { ring } = this.bench;
    this.judgeEventsBelow(Infinity, this.chain.closed);
    const isUseless = ring.hasLeftOver || (this.events.count > 0 && ring.eventCount === 1);
    if (this.worst === undefined && isUseless) this.note('key-history', this.end);
    this.stopIfFailed();
  }

  /** Steps 17 to 20, in this order: the first that fails is the verdict. */
  private judgeCheckpoint(right: Uint8Array[], note: Uint8Array): void {
    const key = this.bench.ring.inForce;
    // Step 17.
    const checkpoint = readCheckpoint(note, key, this.header.logId);
    if (typeof checkpoint === 'string') return this.note(checkpoint, this.end);
    // Step 18. rootWith gives no root for a size below `end`.
    const root = this.chain.tree.rootWith(this.end, right, checkpoint.size);
    if (root === undefined || !equal(root, checkpoint.root)) return this.note('root', this.end);
    if (!this.events.leadTo(root, checkpoint.size)) return this.note('event-path', this.end);
    // Step 19.
    if (!isSigned(checkpoint, key, this.verify)) return this.note('checkpoint-signature', this.end);
    this.checkpoint = checkpoint;
    this.scope.size = checkpoint.size;
    this.scope.root = toHex(checkpoint.root);
    this.compareReferences();
  }

  /** Step 20. What no public key of the policy has verified must verify under a listed key, and so must a note of another log. */
  private compareReferences(): void {
    const { references } = this.terms!;
    const { log } = this.checkpoint;
    const stranger = references.find(({ settled, note }) => note !== undefined && (!settled || note.log !== log) && verifyNote(note, this.keys, this.verify) !== true);
    if (stranger !== undefined) {
      const why = `the checkpoint of size ${stranger.size} is signed by no key of this log: it is of another log, or was changed, so leave it out or take it from where you kept it`;
      this.report = misuseReport({ misuse: 'misuse-reference', why }, { ...this.scope, erased: [], opened: 0, settlements: [] });
      return;
    }
    if (this.unsettled !== undefined) return this.note(this.unsettled, this.end);
    const { upto, reference: known } = this.terms!;
    const read = orMisused(() => (checkUpto(upto, known), {}));
    if (isMisused(read)) {
      this.report = misuseReport(read, { ...this.scope, erased: [], opened: 0, settlements: [] });
      return;
    }
    const head = this.head();
    for (const reference of references) {
      const reason = compareReference(reference, head);
      if (reason === undefined) continue;
      this.haveLess = reference.size;
      return this.note(reason, this.end);
    }
  }

  private head(): TreeHead {
    const { log, size, root } = this.checkpoint;
    const isWhole = this.header.first === 0 && this.header.count === size;
    return { log, size, root, prefixRoots: isWhole ? this.chain.prefixRoots : undefined };
  }

  /** Every step passed: what each axis can say, and the verdict over those that are required. */
  private pass(): void {
    const { header, scope, bench } = this;
    const terms = this.terms!;
    const head = this.head();
    if (head.prefixRoots !== undefined && terms.reference !== undefined) scope.last = terms.reference.size - 1;
    const openIntents = this.chain.openIntents();
    this.counts.open = openIntents.length;
    scope.open_intents = openIntents.slice(0, LISTED_MAX);
    const { axes, revoked } = standingOf({ header, terms, ring: bench.ring, head, openCount: openIntents.length, last: scope.last! });
    scope.revoked = revoked;
    scope.text = coveredText(scope, this.counts, axes, terms.reference);
    const tooOld = terms.oldestMs !== undefined && this.newestMs < terms.oldestMs;
    this.report = passedReport(axes, { required: terms.required, selfAsserted: isSelfAsserted(terms), tooOld }, scope);
  }

  /** The index after the last record of the range. */
  private get end(): number {
    return this.header.first + this.header.count;
  }

  /** Keeps the failure that comes first: lowest index, then lowest step, then earlier row. */
  private note(reason: Reason, index: Failure['index']): void {
    const failure = { reason, index };
    if (this.worst === undefined || comesBefore(failure, this.worst)) this.worst = failure;
  }

  private stopIfFailed(): void {
    if (this.worst === undefined) return;
    // What was found up to where the reading stopped says nothing of the bundle.
    [this.scope.erased, this.scope.opened, this.scope.settlements] = [[], 0, []];
    this.report = failureReport(this.worst, this.scope, this.haveLess);
  }
}

/** The terms with one more reference. Those that the verifier kept come first of equals. */
function withReference(terms: Terms, reference: Reference): Terms {
  const references = ascending([...terms.references, reference]);
  return { ...terms, references, reference: greatest(references) };
}
