/** What each record owes the records before it: steps 3 to 10 of spec/verdict.md, in one pass. */
import { equal, toHex } from './bytes.js';
import type { Header } from './bundle.js';
import { sha256, startSha3_512 } from './hashes.js';
import { Frontier, leafHash } from './merkle.js';
import { DIGEST_SIZE, ID_SIZE, KIND, parseRecord, recordDigest, type Fact, type Record } from './record.js';
import type { Signed } from './signature.js';
import type { Reason } from './verdict.js';

const OPEN_MAX = 65_536;
const ZERO_ID = new Uint8Array(ID_SIZE);

/** A record that passed steps 3 to 10: what its signature and its openings are judged by. */
export interface Accepted extends Signed {
  facts: Map<string, Fact>;
  commitments: Map<string, Uint8Array>;
  isSeal: boolean;
}

export class Chain {
  readonly tree: Frontier;
  /** The root of the first N records, for a reference of size N, once they are there. */
  prefixRoot: Uint8Array | undefined;
  private prev: Uint8Array | undefined;
  private closed = false;
  /** D of each open intent, in hex, and its index. */
  private readonly open = new Map<string, number>();

  /** `left` are the tree nodes before `header.first`; `prefixSize` the N whose root is wanted, if any. */
  constructor(
    private readonly header: Header,
    left: Uint8Array[],
    private readonly prefixSize: number | undefined,
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
      this.step4(index, bytes, record) ??
      // Step 5.
      (record.index === BigInt(index) ? undefined : 'index') ??
      // Step 6. Field 4 is there, because steps 3 and 5 passed.
      (this.prev === undefined || equal(this.prev, record.prev!) ? undefined : 'prev') ??
      // Step 7.
      (this.closed ? 'after-terminal' : undefined) ??
      this.steps8and9(index, record, toHex(digest)) ??
      this.step10(index, record);
    if (failure !== undefined) return failure;
    this.prev = digest;
    this.closed = record.kind === KIND.terminal;
    this.tree.append(leafHash(bytes));
    if (this.prefixSize === index + 1) this.prefixRoot = this.tree.root();
    const { mode, keyId, facts, commitments, kind } = record;
    return { digest, mode, keyId, facts, commitments, isSeal: kind === KIND.seal };
  }

  /** Indexes of the intents that have no outcome, ascending. */
  openIntents(): number[] {
    return [...this.open.values()];
  }

  private step4(index: number, bytes: Uint8Array, record: Record): Reason | undefined {
    if (!equal(record.logId, index === 0 ? ZERO_ID : this.header.logId)) return 'log-id';
    if (index === 0 && !equal(sha256(bytes), this.header.logId)) return 'log-id';
    return (record.kind === KIND.genesis) === (index === 0) ? undefined : 'genesis';
  }

  private steps8and9(index: number, record: Record, digest: string): Reason | undefined {
    if (record.kind === KIND.outcome) {
      const wasOpen = this.open.delete(toHex(record.intent!));
      // Where the bundle does not begin at index 0, the intent may lie before it: such an outcome is passed over.
      if (!wasOpen && this.header.first === 0) return 'pairing-order';
    }
    if (record.kind === KIND.intent) this.open.set(digest, index);
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

/** The running digest of the signatures since the last seal: the rest of step 10. */
export class SignatureRun {
  private hash = startSha3_512();

  /** `whole` says that the run begins at index 0 or at a seal; only then can a seal be compared. */
  constructor(private whole: boolean) {}

  /** Adds the signature of the next record; false if that record is a seal and names another digest. */
  add(record: Accepted, cose: Uint8Array): boolean {
    let holds = true;
    if (record.isSeal) {
      holds = !this.whole || sameBytes(record.facts.get('signatures'), this.hash.digest());
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
