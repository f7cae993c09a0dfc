/** Light proofs by spec/pantheon.md "Light client": from a pinned chain id to what a block's state holds. */
import { equal } from '../bytes.js';
import { verifyMlDsa65, type VerifySignature } from '../keys.js';
import { decoded, Items, Refused } from './form.js';
import { readGenesisHead, type GenesisHead } from './genesis.js';
import { checkCertificate, readCertificate, readHeader, readValidators, type Certificate, type Header, type ValidatorSet } from './header.js';
import { checkStateProof, readStateProof, STATE_PROOF_ITEMS_MAX, type StateProof } from './state.js';

const LIGHT_SIZE_MAX = 64 << 20;
const CHANGES_MAX = 1_024;
const ENTRIES_MAX = 64;
/** Seven elements, of each change header, certificate and validators, and the proofs of the entries; arrays are items too. */
const LIGHT_ITEMS_MAX = 1 + 7 + 4 * CHANGES_MAX + STATE_PROOF_ITEMS_MAX * ENTRIES_MAX;

export interface LightVerdict {
  header: Header;
  /** The fewest that any set on the way had; what the proof leaves out between two times of the same set is not counted. */
  validatorsFewest: number;
  /** For each key the entry's bytes, or undefined where there is none. */
  entries: (Uint8Array | undefined)[];
}

/** The first step that failed, and why. */
export class LightRefused extends Error {
  constructor(
    readonly step: number,
    readonly refused: Refused,
  ) {
    super(`${refused.reason}, step ${step}`);
  }
}

interface Change {
  header: Header;
  certificate: Certificate;
  next: ValidatorSet;
}

interface Proof {
  head: GenesisHead;
  changes: Change[];
  header: Header;
  certificate: Certificate;
  entries: StateProof[];
}

export function verifyLight(bytes: Uint8Array, chain: Uint8Array, verify: VerifySignature = verifyMlDsa65): LightVerdict {
  const proof = at(1, () => readProof(bytes));
  at(2, () => must(equal(proof.head.id, chain), 'genesis-digest'));
  return follow(proof, verify);
}

/** What it shows of the chain that its own head names, which nobody may have pinned; and the path of each key. */
export function verifyOwnLight(bytes: Uint8Array, verify: VerifySignature): LightVerdict & { chain: Uint8Array; paths: Uint8Array[] } {
  const proof = at(1, () => readProof(bytes));
  return { ...follow(proof, verify), chain: proof.head.id, paths: proof.entries.map(({ path }) => path) };
}

/** Steps 3 to 5. */
function follow(proof: Proof, verify: VerifySignature): LightVerdict {
  const { head, changes, header, certificate } = proof;
  const chain = head.id;
  let [set, above, fewest] = [head.set, 0n, head.set.keys.length];
  const step = (one: Header, votes: Certificate): void => {
    must(equal(one.chain, chain), 'chain');
    must(one.height > above && one.epoch === (one.height - 1n) / head.epochBlocks, 'height');
    must(equal(one.validators, set.digest), 'validator-set');
    checkCertificate(votes, one, set, verify);
  };
  for (const change of changes) {
    at(3, () => {
      step(change.header, change.certificate);
      must(change.header.height % head.epochBlocks === 0n, 'height');
      const { digest } = change.next;
      must(equal(digest, change.header.next) && !equal(digest, change.header.validators), 'validator-set');
    });
    [set, above, fewest] = [change.next, change.header.height, Math.min(fewest, change.next.keys.length)];
  }
  at(4, () => step(header, certificate));
  return { header, validatorsFewest: fewest, entries: at(5, () => proof.entries.map((entry) => checkStateProof(entry, header.state))) };
}

function readProof(bytes: Uint8Array): Proof {
  const reason = 'malformed-light-proof';
  const items = new Items(decoded(bytes, reason, LIGHT_ITEMS_MAX, LIGHT_SIZE_MAX), reason).named('pan-light', 7);
  const head = items.bytes();
  const changes = items.list(0, CHANGES_MAX, (list) => {
    const one = list.array().of(3);
    return [one.bytes(), one.bytes(), one.bytes()] as const;
  });
  const [header, certificate] = [items.bytes(), items.bytes()];
  const entries = items.list(0, ENTRIES_MAX, readStateProof);
  return {
    head: readGenesisHead(head),
    changes: changes.map(([one, votes, next]) => ({ header: readHeader(one), certificate: readCertificate(votes), next: readValidators(next) })),
    header: readHeader(header),
    certificate: readCertificate(certificate),
    entries,
  };
}

function must(holds: boolean, reason: string): void {
  if (!holds) throw new Refused(reason);
}

function at<T>(step: number, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof Refused ? new LightRefused(step, error) : error;
  }
}
