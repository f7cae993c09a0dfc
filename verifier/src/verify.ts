/** The verifier: takes a bundle in pieces of any size and judges it by the steps of spec/verdict.md. */
import { equal, toHex } from './bytes.js';
import { BundleFault, BundleReader, Source, type Header, type Item, type Opening } from './bundle.js';
import { Chain, SignatureRun, type Accepted } from './chain.js';
import { isSigned, readCheckpoint, type Checkpoint } from './checkpoint.js';
import { verifyMlDsa65, type PublicKey, type VerifySignature } from './keys.js';
import { isReferenceGood, readPolicy, type Policy, type Reference, type Terms } from './policy.js';
import { commitment, ID_SIZE } from './record.js';
import { coveredText, emptyScope } from './scope.js';
import { judgeSignature } from './signature.js';
import {
  comesBefore,
  failureReport,
  misuseReport,
  PASS,
  passedReport,
  unchecked,
  type Axes,
  type AxisState,
  type Failure,
  type Reason,
  type Report,
} from './verdict.js';

const OPEN_INTENTS_LISTED = 16;

/** The chunk being read: the records that passed steps 3 to 10, which end at the first that did not. */
interface Chunk {
  start: number;
  count: number;
  accepted: Accepted[];
}

/**
 * Is told of every item once it has been judged, to show what a bundle holds: `end` is where the item ends in the file,
 * `digest` is D of a record that passed steps 3 to 10. What it is told is not yet covered by any verdict.
 */
export type Watch = (item: Item, end: number, digest: Uint8Array | undefined) => void;

/**
 * new Verifier(policy), feed(bytes) as often as needed, finish() for the report. Nothing here throws on any bundle
 * or policy. Memory does not grow with the bundle, but for the open intents.
 */
export class Verifier {
  private readonly source = new Source();
  private readonly items = new BundleReader(this.source).items();
  private readonly terms: Terms | undefined;
  private report: Report | undefined;
  private worst: Failure | undefined;
  // Set in the order of the file, each by its part.
  private header!: Header;
  private key!: PublicKey;
  private chain!: Chain;
  private run!: SignatureRun;
  private chunk!: Chunk;
  private checkpoint!: Checkpoint;
  private readonly scope = emptyScope();

  /** `verify` can be replaced by one that remembers earlier answers. */
  constructor(
    policy: Policy,
    private readonly verify: VerifySignature = verifyMlDsa65,
    private readonly watch?: Watch,
  ) {
    const terms = readPolicy(policy, verify);
    if (typeof terms === 'string') this.report = misuseReport(terms, this.scope);
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
    const record = item.part === 'record' ? this.chunk.accepted[item.index - this.chunk.start] : undefined;
    this.watch?.(item, this.source.consumed, record?.digest);
  }

  private judge(item: Item): void {
    switch (item.part) {
      case 'header':
        this.beginLog(item.header);
        break;
      case 'key':
        this.takeKey(item.key);
        break;
      case 'left':
        this.chain = new Chain(this.header, item.hashes, this.terms!.reference?.size);
        this.run = new SignatureRun(this.header.first === 0);
        break;
      case 'chunk':
        this.chunk = { start: item.start, count: item.count, accepted: [] };
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

  private takeKey(key: PublicKey): void {
    this.key = key;
    this.scope.key = toHex(key.id);
  }

  /** Steps 3 to 10 and 16. Records after a failed one are not judged: whatever they show has a higher index. */
  private judgeRecord(index: number, bytes: Uint8Array): void {
    if (this.chunk.accepted.length < index - this.chunk.start) return;
    const accepted = this.chain.accept(index, bytes);
    if (typeof accepted === 'string') {
      this.note(accepted, index);
      return;
    }
    this.chunk.accepted.push(accepted);
    // Step 16, wherever the bundle holds record 0.
    if (index === 0 && !namesKeys(accepted, this.key)) this.note('genesis-key', 0);
  }

  /** Steps 11 to 14, and what step 10 says of a seal's `signatures`. */
  private judgeSignature(index: number, cose: Uint8Array): void {
    const record = this.chunk.accepted[index - this.chunk.start];
    if (record === undefined) return;
    if (!this.run.add(record, cose)) this.note('seal', index);
    const trustedId = this.terms!.trustedId ?? this.key.id;
    const reason = judgeSignature(record, cose, this.header.logId, this.key, trustedId, this.verify);
    if (reason !== undefined) this.note(reason, index);
  }

  /** Step 15. */
  private judgeOpening({ index, label, salt, value }: Opening): void {
    const place = index - BigInt(this.chunk.start);
    const inChunk = place >= 0n && place < BigInt(this.chunk.count);
    const record = inChunk ? this.chunk.accepted[Number(place)] : undefined;
    // A record of this chunk that failed earlier steps, or came after one that did, is not looked at again.
    if (inChunk && record === undefined) return;
    const committed = record?.commitments.get(label);
    if (committed !== undefined && equal(committed, commitment(salt, label, value))) this.scope.opened += 1;
    else this.note('opening', index <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(index) : index);
  }

  /** Steps 17 to 20, in this order: the first that fails is the verdict. */
  private judgeCheckpoint(right: Uint8Array[], note: Uint8Array): void {
    const end = this.header.first + this.header.count;
    // Step 17.
    const checkpoint = readCheckpoint(note, this.key, this.header.logId);
    if (typeof checkpoint === 'string') return this.note(checkpoint, end);
    // Step 18. rootWith gives no root for a size below `end`.
    const root = this.chain.tree.rootWith(end, right, checkpoint.size);
    if (root === undefined || !equal(root, checkpoint.root)) return this.note('root', end);
    // Step 19.
    if (!isSigned(checkpoint, this.key, this.verify)) return this.note('checkpoint-signature', end);
    this.checkpoint = checkpoint;
    this.scope.size = checkpoint.size;
    this.scope.root = toHex(checkpoint.root);
    // Step 20. Step 13 passed, so the bundle's key is the one that the policy names by its id, if it names one.
    const { key, reference } = this.terms!;
    if (reference === undefined) return;
    if (key === undefined && !isReferenceGood(reference, this.key, this.verify)) {
      this.report = misuseReport('misuse-reference', this.scope);
      return;
    }
    const reason = this.compareReference(reference);
    if (reason !== undefined) this.note(reason, end);
  }

  /** "The reference (step 20)". */
  private compareReference(reference: Reference): Reason | undefined {
    if (reference.note !== undefined && reference.note.log !== this.checkpoint.log) return 'fork';
    if (this.checkpoint.size < reference.size) return 'truncated';
    if (this.checkpoint.size === reference.size) return equal(this.checkpoint.root, reference.root) ? undefined : 'fork';
    if (!this.isWhole()) return undefined;
    return equal(this.chain.prefixRoot!, reference.root) ? undefined : 'fork';
  }

  private isWhole(): boolean {
    return this.header.first === 0 && this.header.count === this.checkpoint.size;
  }

  /** Every step passed: what each axis can say, and the verdict over those that are required. */
  private pass(): void {
    const { trustedId, required, reference } = this.terms!;
    if (this.isWhole() && reference !== undefined) this.scope.last = reference.size - 1;
    const openIntents = this.chain.openIntents();
    this.scope.open_intents = openIntents.slice(0, OPEN_INTENTS_LISTED);
    const trusted = trustedId === undefined ? unchecked('self-asserted-key') : PASS;
    const axes: Axes = {
      integrity: PASS,
      authenticity: trusted,
      inclusion: PASS,
      consistency: this.consistency(),
      completeness: this.completeness(),
      'key-status': trusted,
      time: unchecked('operator-claimed'),
      pairing: openIntents.length === 0 ? PASS : unchecked('open-intents'),
      disclosure: PASS,
    };
    this.scope.text = coveredText(this.scope, openIntents.length, axes, reference);
    this.report = passedReport(axes, required, trustedId === undefined, this.scope);
  }

  private consistency(): AxisState {
    const { reference } = this.terms!;
    if (reference === undefined) return unchecked('completeness-unwitnessed');
    return this.isWhole() || reference.size === this.checkpoint.size ? PASS : unchecked('partial');
  }

  private completeness(): AxisState {
    const { reference, upto } = this.terms!;
    if (!this.isWhole()) return unchecked('partial');
    if (reference === undefined) return unchecked('completeness-unwitnessed');
    return reference.size === this.checkpoint.size || upto === reference.size ? PASS : unchecked('after-reference');
  }

  /** Keeps the failure that comes first: lowest index, then lowest step, then earlier row. */
  private note(reason: Reason, index: Failure['index']): void {
    const failure = { reason, index };
    if (this.worst === undefined || comesBefore(failure, this.worst)) this.worst = failure;
  }

  private stopIfFailed(): void {
    if (this.worst !== undefined) this.report = failureReport(this.worst, this.scope, this.terms!.reference?.size);
  }
}

/** Step 16: `key` is the bundle's key, `next` and `recovery` are ids. */
function namesKeys({ facts }: Accepted, key: PublicKey): boolean {
  const named = facts.get('key');
  const isId = (fact: unknown): boolean => fact instanceof Uint8Array && fact.length === ID_SIZE;
  return named instanceof Uint8Array && equal(named, key.spki) && isId(facts.get('next')) && isId(facts.get('recovery'));
}
