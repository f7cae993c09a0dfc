/** Settlements by spec/verdict.md: what chains say of a log's newest checkpoint, and which of them count as an outside reference. */
import { encodeUtf8, equal, toBase64, toHex } from './bytes.js';
import { decode, type Value } from './cbor.js';
import type { VerifySignature } from './keys.js';
import { LightRefused, verifyOwnLight } from './pantheon/light.js';
import { statePath } from './pantheon/state.js';
import type { Reference } from './reference.js';
import type { SettlementReason } from './verdict.js';

export const WITNESS_SEATS_MIN = 4;

/** As the report has it. */
export interface Settled {
  chain: string;
  height: number;
  size: number;
  root: string;
  /** The fewest that any set of validators on the way had. */
  seats: number;
  standing: 'counted' | 'too-few-seats' | 'chain-not-pinned';
}

/** A settlement that holds, and the reference that it is if it counts. */
export interface Judged {
  settled: Settled;
  reference: Reference | undefined;
}

/** Judges one settlement of the log, whether or not its chain is pinned: against the chain that its own head names. */
export function judgeSettlement(proof: Uint8Array, log: Uint8Array, chains: ReadonlySet<string>, verify: VerifySignature): Judged | SettlementReason | 'fork' {
  try {
    const { chain, validatorsFewest: seats, entries, paths } = verifyOwnLight(proof, verify);
    const [entry] = entries;
    if (entries.length !== 1 || entry === undefined || !equal(paths[0]!, statePath(1, log))) return 'settlement';
    const newest = newestOf(entry, toHex(log), verify);
    if (newest === undefined) return 'settlement';
    const standing = !chains.has(toHex(chain)) ? 'chain-not-pinned' : seats < WITNESS_SEATS_MIN ? 'too-few-seats' : 'counted';
    const counts = standing === 'counted';
    // The chain was shown a proof of the fork.
    if (counts && newest.isFrozen) return 'fork';
    const { size, root, height } = newest;
    const settled: Settled = { chain: toHex(chain), height, size, root: toHex(root), seats, standing };
    const reference: Reference = { size, root, note: undefined, requested: undefined, received: undefined, settled: true, isSettlement: true };
    return { settled, reference: counts ? reference : undefined };
  } catch (error) {
    if (error instanceof LightRefused) return error.refused.reason as SettlementReason;
    throw error;
  }
}

interface Newest {
  size: number;
  root: Uint8Array;
  height: number;
  isFrozen: boolean;
}

/** The newest checkpoint of an entry whose form was checked; undefined unless the key that the chain names signed it. */
function newestOf(entry: Uint8Array, log: string, verify: VerifySignature): Newest | undefined {
  const [, reigns, , , fork, newest] = decode(entry) as [bigint, Value[][], Value[], bigint, Value[], Value[]];
  if (newest.length === 0) return undefined;
  const [size, root, place, signature, height] = newest as [bigint, Uint8Array, bigint, Uint8Array, bigint];
  if (height > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const key = reigns[Number(place)]![0] as Uint8Array;
  const text = encodeUtf8(`mickai.log/${log}\n${size}\n${toBase64(root)}\n`);
  if (!verify(key, text, signature)) return undefined;
  return { size: Number(size), root, height: Number(height), isFrozen: fork.length > 0 };
}
