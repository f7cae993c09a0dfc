/** Transactions and blocks by spec/pantheon.md: their forms, names and leaves. */
import { compare, concat, encodeUtf8, equal } from '../bytes.js';
import { encode } from '../cbor.js';
import { sha256 } from '../hashes.js';
import { verifyMlDsa65, type VerifySignature } from '../keys.js';
import { Frontier, leafHash } from '../merkle.js';
import { addressOf } from './address.js';
import { ascend, decoded, Items, Refused } from './form.js';
import { readHeader, type Header } from './header.js';

const MALFORMED = 'malformed-transaction';
const DOMAIN = encodeUtf8('pan-tx-v1\0');
const WITNESS_DOMAIN = encodeUtf8('pan-witness-v1\0');
const TRANSACTION_SIZE_MAX = 49_152;
const RECORD_SIZE_MAX = 61_440;
const FORK_SIZE_MAX = 32_768;
const BLOCK_SIZE_MAX = 8 << 20;
const BLOCK_TRANSACTIONS_MAX = 16_384;
const ATTESTATIONS_MAX = 8;
/** Body, keys, one key, signature; arrays are items too. */
const TRANSACTION_ITEMS_MAX = 1 + 3 + 1;
/** Seven elements; of the actions the longest is one of attestations, four elements each. */
const BODY_ITEMS_MAX = 1 + 7 + 2 + 5 * ATTESTATIONS_MAX;
const BLOCK_ITEMS_MAX = 1 + 2 + BLOCK_TRANSACTIONS_MAX;
const INDEX_MAX = 2n ** 53n - 1n;

export interface Transaction {
  id: Uint8Array;
  leaf: Uint8Array;
  sender: Uint8Array;
  /** The key that it reveals. */
  key: Uint8Array | undefined;
  message: Uint8Array;
  signature: Uint8Array;
}

export function readTransaction(bytes: Uint8Array): Transaction {
  const items = new Items(decoded(bytes, MALFORMED, TRANSACTION_ITEMS_MAX, TRANSACTION_SIZE_MAX), MALFORMED).of(3);
  const body = items.bytes();
  const keys = items.list(0, 1, (one) => one.key());
  const signature = items.signature();
  const sender = readBody(body);
  const message = concat(DOMAIN, body);
  const id = sha256(message);
  const witness = sha256(WITNESS_DOMAIN, encode(keys), encode(signature));
  return { id, leaf: leafHash(concat(id, witness)), sender, key: keys[0], message, signature };
}

/** Is the key that it reveals the sender's, and did it sign? */
export function isSignedBySender({ sender, key, message, signature }: Transaction, verify: VerifySignature = verifyMlDsa65): boolean {
  return key !== undefined && equal(addressOf(key), sender) && verify(key, message, signature);
}

/** Checks the whole body, and gives its sender. */
function readBody(bytes: Uint8Array): Uint8Array {
  const body = new Items(decoded(bytes, MALFORMED, BODY_ITEMS_MAX), MALFORMED).of(7);
  body.must(body.uint() === 1n);
  body.id();
  const sender = body.id();
  [body.uint(), body.uint(), body.uint()];
  checkAction(body.array());
  return sender;
}

function checkAction(action: Items): void {
  const forms: { [code: string]: [number, () => void] } = {
    0: [3, () => void [action.id(), action.some()]],
    1: [2, () => checkAttestations(action)],
    2: [2, () => void action.bytes(FORK_SIZE_MAX)],
    3: [3, () => void [action.bytes(RECORD_SIZE_MAX), action.signature()]],
    4: [4, () => void [action.id(), action.bytes(RECORD_SIZE_MAX), action.signature()]],
    5: [4, () => void [action.id(), action.bytes(RECORD_SIZE_MAX), action.signature()]],
    6: [3, () => checkBond(action)],
    7: [2, () => void action.some()],
    8: [4, () => checkEvidence(action)],
    9: [4, () => void [action.name(), action.id(), action.id()]],
  };
  const form = forms[String(action.uint())];
  if (form === undefined || form[0] !== action.length) throw new Refused(MALFORMED);
  form[1]();
}

function checkAttestations(action: Items): void {
  const logs = action.list(1, ATTESTATIONS_MAX, (list) => {
    const one = list.array().of(4);
    const log = one.id();
    one.must(one.some() <= INDEX_MAX);
    [one.id(), one.signature()];
    return log;
  });
  action.must(ascend(logs));
}

function checkBond(action: Items): void {
  action.some();
  const key = action.array();
  if (key.length > 0) [key.of(2).key(), key.signature()];
}

function checkEvidence(action: Items): void {
  action.id();
  const [a, b] = [readVote(action.array()), readVote(action.array())];
  action.must(compareVotes(a, b) < 0);
}

type Vote = (bigint | Uint8Array)[];

/** What votes are ordered by. */
function readVote(vote: Items): Vote {
  const kind = vote.uint();
  vote.must(kind <= 2n);
  vote.of(kind === 1n ? 4 : 6);
  const round = [kind, vote.uint(), vote.uint()];
  const rest = kind === 1n ? [] : [vote.uint(), vote.id()];
  vote.signature();
  return [...round, ...rest];
}

function compareVotes(a: Vote, b: Vote): number {
  for (const [at, one] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    const order = typeof one === 'bigint' || typeof other === 'bigint' ? (one < other ? -1 : one > other ? 1 : 0) : compare(one, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** A block whose transactions are those that its header commits to; gives the header. */
export function readBlock(bytes: Uint8Array): Header {
  const reason = 'malformed-block';
  const items = new Items(decoded(bytes, reason, BLOCK_ITEMS_MAX, BLOCK_SIZE_MAX), reason).of(2);
  const headerBytes = items.bytes();
  const parts = items.list(0, BLOCK_TRANSACTIONS_MAX, (list) => list.bytes());
  const header = readHeader(headerBytes);
  const root = transactionsRoot(parts.map((part) => readTransaction(part).leaf));
  items.must(header.count === BigInt(parts.length) && equal(header.transactions, root));
  return header;
}

export function transactionsRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256();
  const tree = new Frontier(0, []);
  for (const leaf of leaves) tree.append(leaf);
  return tree.root();
}
