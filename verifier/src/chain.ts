/** What each record owes the records before it: steps 3 to 10 of spec/verdict.md, in one pass. */
import { equal, toHex } from './bytes.js';
import type { Header } from './bundle.js';
import { sha256, startSha3_512 } from './hashes.js';
import { Frontier, leafHash } from './merkle.js';
import { DIGEST_SIZE, ID_SIZE, KIND, parseRecord, recordDigest, type Fact, type Record } from './record.js';
import type { Reason } from './verdict.js';

const OPEN_MAX = 65_536;
const ZERO_ID = new Uint8Array(ID_SIZE);

/** A record that passed steps 3 to 10, and its D. */
export interface Accepted {
  record: Record;
  digest: Uint8Array;
}

export class Chain {
  readonly tree: Frontier;
  /** The roots of the first N records, for each N that is wanted, once they are there. */
  readonly prefixRoots = new Map<number, Uint8Array>();
  private prev: Uint8Array | undefined;
  /** True after a terminal. */
  closed = false;
  /** D of each open intent, in hex, and its index. */
  private readonly open = new Map<string, number>();

  /** `left` are the tree nodes before `header.first`; `prefixSizes` the sizes N whose roots are wanted. */
  constructor(
    private readonly header: Header,
    left: Uint8Array[],
    private readonly prefixSizes: ReadonlySet<number>,
  ) {
    this.tree = new Frontier(header.first, left);
  }

  /** Judges record `index`, given in order; after a failure the chain takes no more records. */
  accept(index: number, bytes: Uint8Array): Accepted | Reason {
    // Step 3.
    const record = parseRecord(bytes);
    if (typeof record === 'string') return record;
    const digest = recordDigest(bytes);
    const failure =
      judgePlace(this.header.logId, BigInt(index), bytes, record) ??
      // Step 6. Field 4 is there, because steps 3 and 5 passed.
      (this.prev === undefined || equal(this.prev, record.prev!) ? undefined : 'prev') ??
      // Step 7.
      (this.closed ? 'after-terminal' : undefined) ??
      this.steps8and9(index, record, digest) ??
      this.step10(index, record);
    if (failure !== undefined) return failure;
    this.prev = digest;
    this.closed = record.kind === KIND.terminal;
    this.tree.append(leafHash(bytes));
    if (this.prefixSizes.has(index + 1)) this.prefixRoots.set(index + 1, this.tree.root());
    return { record, digest };
  }

  /** Indexes of the intents that have no outcome, ascending. */
  openIntents(): number[] {
    return [...this.open.values()];
  }

  private steps8and9(index: number, record: Record, digest: Uint8Array): Reason | undefined {
    if (record.kind === KIND.outcome) {
      const wasOpen = this.open.delete(toHex(record.intent!));
      // Where the bundle does not begin at index 0, the intent may lie before it: such an outcome is passed over.
      if (!wasOpen && this.header.first === 0) return 'pairing-order';
    }
    if (record.kind === KIND.intent) this.open.set(toHex(digest), index);
    return this.open.size > OPEN_MAX ? 'too-many-open' : undefined;
  }

  /** `size` and `root`; `signatures` is checked by SignatureRun once the signatures have been read. */
  private step10(index: number, record: Record): Reason | undefined {
    if (record.kind !== KIND.seal) return undefined;
    const { facts } = record;
    const signatures = facts.get('signatures');
    const named = signatures instanceof Uint8Array && signatures.length === DIGEST_SIZE;
    const holds = named && facts.get('size') === BigInt(index) && sameBytes(facts.get('root'), this.tree.root());
    return holds ? undefined : 'seal';
  }
}

/** Steps 4 and 5: the log, the kind and the index that a record at this place must name. */
export function judgePlace(logId: Uint8Array, index: bigint, bytes: Uint8Array, record: Record): Reason | undefined {
  const isFirst = index === 0n;
  if (!equal(record.logId, isFirst ? ZERO_ID : logId)) return 'log-id';
  if (isFirst && !equal(sha256(bytes), logId)) return 'log-id';
  if ((record.kind === KIND.genesis) !== isFirst) return 'genesis';
  return record.index === index ? undefined : 'index';
}

/** The running digest of the signatures since the last seal: the rest of step 10. */
export class SignatureRun {
  private hash = startSha3_512();

  /** `whole` says that the run begins at index 0 or at a seal; only then can a seal be compared. */
  constructor(private whole: boolean) {}

  /** Adds the signature of the next record; false if that record is a seal and `sealed`, the digest it names, is another. */
  add(sealed: Fact | undefined, cose: Uint8Array): boolean {
    let holds = true;
    if (sealed !== undefined) {
      holds = !this.whole || sameBytes(sealed, this.hash.digest());
      this.hash = startSha3_512();
      this.whole = true;
    }
    this.hash.update(cose);
    return holds;
  }
}

function sameBytes(fact: Fact | undefined, bytes: Uint8Array): boolean {
  return fact instanceof Uint8Array && equal(fact, bytes);
}
