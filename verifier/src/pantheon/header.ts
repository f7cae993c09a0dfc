/** Headers, validator sets, votes and certificates by spec/pantheon.md. */
import { concat, encodeUtf8 } from '../bytes.js';
import { sha256 } from '../hashes.js';
import { verifyMlDsa65, type VerifySignature } from '../keys.js';
import { ascend, decoded, Items, Refused } from './form.js';

const HEADER_DOMAIN = encodeUtf8('pan-header-v1\0');
const SET_DOMAIN = encodeUtf8('pan-validators-v1\0');
const VOTE_NAMESPACE = encodeUtf8('pan-vote-v1\0');
export const SEATS_MAX = 64;
/** The elements of each form, a key or a signature for each seat, and the arrays. */
const HEADER_ITEMS_MAX = 1 + 14;
const VALIDATORS_ITEMS_MAX = 1 + 3 + SEATS_MAX;
const CERTIFICATE_ITEMS_MAX = 1 + 7 + SEATS_MAX;

export interface Header {
  id: Uint8Array;
  chain: Uint8Array;
  height: bigint;
  epoch: bigint;
  view: bigint;
  count: bigint;
  transactions: Uint8Array;
  state: Uint8Array;
  validators: Uint8Array;
  next: Uint8Array;
}

export function readHeader(bytes: Uint8Array): Header {
  const reason = 'malformed-header';
  const items = new Items(decoded(bytes, reason, HEADER_ITEMS_MAX), reason).named('pan-header', 14);
  const [chain, height] = [items.id(), items.uint()];
  items.id();
  const [epoch, view] = [items.uint(), items.uint()];
  items.uint();
  const count = items.uint();
  const [transactions, state, validators, next] = [items.id(), items.id(), items.id(), items.id()];
  items.id();
  return { id: sha256(HEADER_DOMAIN, bytes), chain, height, epoch, view, count, transactions, state, validators, next };
}

/** Keys by seat. */
export interface ValidatorSet {
  keys: Uint8Array[];
  digest: Uint8Array;
}

export function readValidators(bytes: Uint8Array): ValidatorSet {
  const reason = 'malformed-validators';
  const items = new Items(decoded(bytes, reason, VALIDATORS_ITEMS_MAX), reason).named('pan-validators', 3);
  const keys = items.list(1, SEATS_MAX, (list) => list.key());
  items.must(ascend(keys));
  return { keys, digest: setDigest(bytes) };
}

export function setDigest(encoded: Uint8Array): Uint8Array {
  return sha256(SET_DOMAIN, encoded);
}

export function quorum(seats: number): number {
  return seats - Math.floor((seats - 1) / 3);
}

export type VoteKind = 'NOTARIZE' | 'NULLIFY' | 'FINALIZE';

/** What a validator signs: the length of the namespace, the namespace, and numbers and block as the engine encodes them. */
export function voteMessage(kind: VoteKind, chain: Uint8Array, numbers: readonly bigint[], block: Uint8Array = new Uint8Array(0)): Uint8Array {
  const namespace = concat(VOTE_NAMESPACE, chain, encodeUtf8(`_${kind}`));
  return concat(Uint8Array.of(namespace.length), namespace, ...numbers.map(leb128), block);
}

function leb128(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

export interface Certificate {
  epoch: bigint;
  view: bigint;
  parent: bigint;
  signers: Uint8Array;
  signatures: Uint8Array[];
}

export function readCertificate(bytes: Uint8Array): Certificate {
  const reason = 'malformed-certificate';
  const items = new Items(decoded(bytes, reason, CERTIFICATE_ITEMS_MAX), reason).named('pan-certificate', 7);
  const [epoch, view, parent] = [items.uint(), items.uint(), items.uint()];
  const signers = items.bytes(SEATS_MAX / 8);
  const signatures = items.list(1, SEATS_MAX, (list) => list.signature());
  items.must(seatsOf(signers).length === signatures.length);
  return { epoch, view, parent, signers, signatures };
}

function seatsOf(signers: Uint8Array): number[] {
  const all = Array.from({ length: 8 * signers.length }, (_, seat) => seat);
  return all.filter((seat) => ((signers[seat >> 3]! >> (seat & 7)) & 1) === 1);
}

/** The four steps of "Certificate"; throws the first that fails. */
export function checkCertificate(certificate: Certificate, header: Header, { keys }: ValidatorSet, verify: VerifySignature = verifyMlDsa65): void {
  const { epoch, view, parent, signers, signatures } = certificate;
  const seats = seatsOf(signers);
  if (signers.length !== Math.ceil(keys.length / 8) || seats.some((seat) => seat >= keys.length)) throw new Refused('malformed-certificate');
  if (epoch !== header.epoch || view < header.view || parent >= view) throw new Refused('round');
  if (seats.length < quorum(keys.length)) throw new Refused('quorum');
  const message = voteMessage('FINALIZE', header.chain, [epoch, view, parent], header.id);
  if (!seats.every((seat, at) => verify(keys[seat]!, message, signatures[at]!))) throw new Refused('vote-signature');
}
