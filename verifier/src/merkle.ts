/** The RFC 6962 tree of spec/checkpoint.md "Tree", kept as its perfect subtrees: memory grows with the logarithm. */
import { sha256 } from './hashes.js';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(record: Uint8Array): Uint8Array {
  return sha256(LEAF, record);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE, left, right);
}

/** Sizes of the perfect subtrees that cover leaves 0..count−1, largest first: the binary digits of `count`. */
export function subtreeSizes(count: number): number[] {
  const sizes: number[] = [];
  let rest = count;
  for (let size = 2 ** 52; size >= 1; size /= 2) {
    if (rest < size) continue;
    sizes.push(size);
    rest -= size;
  }
  return sizes;
}

/** The perfect subtrees over the leaves so far, left to right. */
export class Frontier {
  private readonly subtrees: { size: number; hash: Uint8Array }[];

  /** Starts after `count` leaves; `hashes` are theirs (bundle.md, *left*), one for each of subtreeSizes(count). */
  constructor(count: number, hashes: Uint8Array[]) {
    this.subtrees = subtreeSizes(count).map((size, i) => ({ size, hash: hashes[i]! }));
  }

  append(leaf: Uint8Array): void {
    let last = { size: 1, hash: leaf };
    while (this.subtrees.at(-1)?.size === last.size) {
      last = { size: 2 * last.size, hash: nodeHash(this.subtrees.pop()!.hash, last.hash) };
    }
    this.subtrees.push(last);
  }

  /** The root of the leaves so far; there is at least one. */
  root(): Uint8Array {
    return this.subtrees.map(({ hash }) => hash).reduceRight((right, left) => nodeHash(left, right));
  }

  /**
   * The root of a tree of `size` leaves, of which those at or after `end` (the number of leaves so far)
   * are given by `right` (bundle.md, "root(lo, hi)"). Undefined if either list is not used up exactly.
   */
  rootWith(end: number, right: Uint8Array[], size: number): Uint8Array | undefined {
    let leftUsed = 0;
    let rightUsed = 0;
    const root = (lo: number, hi: number): Uint8Array | undefined => {
      if (hi <= end && this.subtrees[leftUsed]?.size === hi - lo) return this.subtrees[leftUsed++]!.hash;
      if (lo >= end) return right[rightUsed++];
      if (hi - lo < 2) return undefined;
      const middle = lo + largestPowerBelow(hi - lo);
      const a = root(lo, middle);
      const b = root(middle, hi);
      return a && b && nodeHash(a, b);
    };
    const hash = size < end ? undefined : root(0, size);
    return leftUsed === this.subtrees.length && rightUsed === right.length ? hash : undefined;
  }
}

/**
 * The root of a tree of `size` leaves to which `path` (RFC 6962 §2.1.1, from the leaf's sibling up) leads from the
 * leaf at `index`. Undefined if the leaf lies outside, or if the path is longer or shorter than its way.
 */
export function rootOfPath(leaf: Uint8Array, index: bigint, size: number, path: readonly Uint8Array[]): Uint8Array | undefined {
  let used = 0;
  const root = (lo: number, hi: number): Uint8Array | undefined => {
    if (hi - lo === 1) return leaf;
    const middle = lo + largestPowerBelow(hi - lo);
    const isLeft = index < middle;
    const own = isLeft ? root(lo, middle) : root(middle, hi);
    const sibling = path[used++];
    if (own === undefined || sibling === undefined) return undefined;
    return isLeft ? nodeHash(own, sibling) : nodeHash(sibling, own);
  };
  const hash = index < size ? root(0, size) : undefined;
  return used === path.length ? hash : undefined;
}

/** The largest power of two strictly below n, n > 1. */
function largestPowerBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}
