/** A fork proof by spec/checkpoint.md: two checkpoints of one log that cannot both be true. */
import { equal } from './bytes.js';
import { decode, encode, Malformed, readArrayHead, type Value } from './cbor.js';
import { isSigned, namesKey, parseCheckpoint, type Checkpoint } from './checkpoint.js';
import { verifyMlDsa65, type PublicKey, type VerifySignature } from './keys.js';
import { Frontier, subtreeSizes } from './merkle.js';
import { isMisused } from './misuse.js';
import { readPolicy, type Policy } from './policy.js';
import { ID_SIZE } from './record.js';
import { emptyScope } from './scope.js';
import { EXIT, misuseReport, notReached, type Report } from './verdict.js';

const FORK_SIZE_MAX = 32_768;
const NODES_MAX = 64;
const MAGIC = encode('oar-fork');

/** Why a file proves no fork, and the step of "Fork proof" that says so. */
const STEPS = { 'not-a-fork-proof': 1, 'malformed-fork': 2, 'unknown-key': 3, 'checkpoint-signature': 3, 'fork-unproven': 4 } as const;
type ForkReason = keyof typeof STEPS;

class Unproven extends Error {
  constructor(
    readonly reason: ForkReason,
    readonly step: number = STEPS[reason],
  ) {
    super(reason);
  }
}

interface Proof {
  a: Checkpoint;
  b: Checkpoint;
  left: Uint8Array[];
  right: Uint8Array[];
}

/** True if a file that begins with these bytes, eighteen at least where it has so many, is to be judged by verifyFork. */
export function looksLikeFork(start: Uint8Array): boolean {
  return readMagic(start) !== undefined;
}

/** INVALID `fork` for what proves a fork; the keys must be public keys, because a fork proof carries none. */
export function verifyFork(bytes: Uint8Array, policy: Policy, verify: VerifySignature = verifyMlDsa65): Report {
  const terms = readPolicy(policy, verify);
  if (isMisused(terms)) return misuseReport(terms, emptyScope());
  if (terms.publicKeys.length > 0) return judgeFork(bytes, terms.publicKeys, verify);
  const why = 'a fork proof carries no key, and a key id is not enough to check it: give the public keys of the log as PEM';
  return misuseReport({ misuse: 'misuse-key', why }, emptyScope());
}

/** The four steps of "Fork proof" under these keys. */
function judgeFork(bytes: Uint8Array, keys: readonly PublicKey[], verify: VerifySignature): Report {
  try {
    const proof = readProof(bytes);
    judgeProof(proof, keys, verify);
    return forked(proof);
  } catch (error) {
    if (!(error instanceof Unproven)) throw error;
    return unproven(error);
  }
}

function readProof(bytes: Uint8Array): Proof {
  const items = readItems(bytes);
  const [, , a, b, left, right] = items;
  if (items.length !== 6 || !(a instanceof Uint8Array) || !(b instanceof Uint8Array)) throw new Unproven('malformed-fork');
  if (!isHashes(left) || !isHashes(right)) throw new Unproven('malformed-fork');
  // Step 2.
  const [noteA, noteB] = [parseCheckpoint(a), parseCheckpoint(b)];
  if (noteA === undefined || noteB === undefined || noteA.log !== noteB.log || noteA.size > noteB.size) {
    throw new Unproven('malformed-fork');
  }
  return { a: noteA, b: noteB, left, right };
}

/** Step 1. The first two elements are read by themselves: what is wrong after them is another failure. */
function readItems(bytes: Uint8Array): Value[] {
  const named = readMagic(bytes);
  if (named === undefined || named.count < 2n || named.rest[0] !== 1) throw new Unproven('not-a-fork-proof');
  try {
    if (bytes.length <= FORK_SIZE_MAX) return decode(bytes) as Value[];
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
  throw new Unproven('malformed-fork');
}

/** The number of elements, and what follows an array's head and the text `oar-fork`; undefined without those. */
function readMagic(bytes: Uint8Array): { count: bigint; rest: Uint8Array } | undefined {
  const array = readArrayHead(bytes);
  if (array === undefined || !equal(array.rest.subarray(0, MAGIC.length), MAGIC)) return undefined;
  return { count: array.count, rest: array.rest.subarray(MAGIC.length) };
}

function isHashes(value: Value | undefined): value is Uint8Array[] {
  return Array.isArray(value) && value.length <= NODES_MAX && value.every((item) => item instanceof Uint8Array && item.length === ID_SIZE);
}

/** Steps 3 and 4. */
function judgeProof({ a, b, left, right }: Proof, keys: readonly PublicKey[], verify: VerifySignature): void {
  const named = [a, b].map((note) => ({ note, keys: keys.filter((key) => namesKey(note, key)) }));
  if (named.some((one) => one.keys.length === 0)) throw new Unproven('unknown-key');
  if (!named.every((one) => one.keys.some((key) => isSigned(one.note, key, verify)))) throw new Unproven('checkpoint-signature');
  if (!isContradiction(a, b, left, right)) throw new Unproven('fork-unproven');
}

function isContradiction(a: Checkpoint, b: Checkpoint, left: Uint8Array[], right: Uint8Array[]): boolean {
  if (a.size === b.size) return left.length === 0 && right.length === 0 && !equal(a.root, b.root);
  if (left.length !== subtreeSizes(a.size).length) return false;
  const tree = new Frontier(a.size, left);
  const root = tree.rootWith(a.size, right, b.size);
  return root !== undefined && equal(root, b.root) && !equal(tree.root(), a.root);
}

function forked({ a, b }: Proof): Report {
  const axes = { ...notReached(), consistency: { state: 'fail', reason: 'fork' } as const };
  const text = `log ${a.log.slice(0, 4)}…${a.log.slice(-2)} has two checkpoints, of size ${a.size} and of size ${b.size}, that cannot both be true`;
  return { verdict: 'INVALID', exit: EXIT.invalid, reason: 'fork', index: null, step: null, axes, scope: { ...emptyScope(), log: a.log, text } };
}

function unproven({ reason, step }: Unproven): Report {
  const isFork = reason !== 'not-a-fork-proof';
  const scope = { ...emptyScope(), text: `nothing is proven: ${reason}, step ${step}` };
  const found = { reason, index: null, step, axes: notReached(), scope };
  return isFork ? { verdict: 'INVALID', exit: EXIT.invalid, ...found } : { verdict: null, exit: EXIT.none, ...found };
}
