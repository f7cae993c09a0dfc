/** Genesis by spec/pantheon.md: who has what before the first block, and the rules of a chain. */
import { compare, concat, encodeUtf8, equal } from '../bytes.js';
import { encode } from '../cbor.js';
import { sha256 } from '../hashes.js';
import { leafHash } from '../merkle.js';
import { ascend, decoded, Items, Refused } from './form.js';
import { SEATS_MAX, setDigest, type ValidatorSet } from './header.js';
import { transactionsRoot } from './transaction.js';

const MALFORMED = 'malformed-genesis';
const DOMAIN = encodeUtf8('pan-genesis-v1\0');
const SUPPLY = 5n * 10n ** 18n;
const BOND_LEAST = 10n ** 15n;
const GENESIS_SIZE_MAX = 16 << 20;
const ALLOCATIONS_MAX = 262_144;
/** Eleven elements, eight parameters, and an account, a key and an amount for each seat; arrays are items too. */
const HEAD_ITEMS_MAX = 1 + 11 + 8 + 4 * SEATS_MAX;
/** Two elements, and for each account whose and how much. */
const GENESIS_ITEMS_MAX = 1 + 2 + 3 * ALLOCATIONS_MAX;

export interface GenesisHead {
  id: Uint8Array;
  epochBlocks: bigint;
  /** The first validators. */
  set: ValidatorSet;
  count: bigint;
  allocated: bigint;
  allocations: Uint8Array;
}

interface Bond {
  account: Uint8Array;
  key: Uint8Array;
  amount: bigint;
}

export function readGenesisHead(bytes: Uint8Array): GenesisHead {
  const items = new Items(decoded(bytes, MALFORMED, HEAD_ITEMS_MAX), MALFORMED).named('pan-genesis', 11);
  const network = items.uint();
  items.must(network <= 1n);
  [items.name(), items.uint()];
  const params = items.array().of(8);
  const [seatsMin, seatsMax, epochBlocks, unbondingEpochs] = [params.uint(), params.uint(), params.uint(), params.uint()];
  const bondMin = params.uint();
  [params.uint(), params.uint()];
  const treasuryShare = params.uint();
  const bonds = items.list(1, SEATS_MAX, readBond);
  const [treasury, count, allocated, allocations] = [items.uint(), items.uint(), items.uint(), items.id()];
  const accounts = bonds.map(({ account }) => account).sort(compare);
  items.must(ascend(accounts) && ascend(bonds.map(({ key }) => key)) && count <= BigInt(ALLOCATIONS_MAX));
  const [least, most] = network === 0n ? [4n, 21n] : [1n, BigInt(SEATS_MAX)];
  const seats = BigInt(bonds.length);
  const good =
    least <= seatsMin && seatsMin <= seats && seats <= seatsMax && seatsMax <= most &&
    within(epochBlocks, 1_000_000n) && within(unbondingEpochs, 10_000n) &&
    bondMin >= BOND_LEAST && treasuryShare <= 10_000n && bonds.every(({ amount }) => amount >= bondMin);
  if (!good) throw new Refused('genesis-params');
  const sum = bonds.reduce((total, { amount }) => total + amount, treasury + allocated);
  if (sum !== SUPPLY) throw new Refused('genesis-sum', sum);
  const keys = bonds.map(({ key }) => key);
  const set = { keys, digest: setDigest(encode(['pan-validators', 1n, keys])) };
  return { id: sha256(concat(DOMAIN, bytes)), epochBlocks, set, count, allocated, allocations };
}

function within(value: bigint, most: bigint): boolean {
  return value >= 1n && value <= most;
}

function readBond(list: Items): Bond {
  const one = list.array().of(3);
  return { account: one.id(), key: one.key(), amount: one.some() };
}

/** The whole file; gives its head. */
export function readGenesis(bytes: Uint8Array): GenesisHead {
  const items = new Items(decoded(bytes, MALFORMED, GENESIS_ITEMS_MAX, GENESIS_SIZE_MAX), MALFORMED).of(2);
  const headBytes = items.bytes();
  const list = items.list(0, ALLOCATIONS_MAX, (all) => {
    const one = all.array().of(2);
    return { to: one.id(), amount: one.some() };
  });
  items.must(ascend(list.map(({ to }) => to)));
  const head = readGenesisHead(headBytes);
  const root = transactionsRoot(list.map(({ to, amount }) => leafHash(encode([to, amount]))));
  const total = list.reduce((sum, { amount }) => sum + amount, 0n);
  if (head.count !== BigInt(list.length) || head.allocated !== total || !equal(head.allocations, root)) throw new Refused('genesis-allocations');
  return head;
}
