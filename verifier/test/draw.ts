/** The draws of spec/seeded.md, and the hash over the cases of one encoding. */
import { createHash } from 'node:crypto';
import { concat, encodeUtf8, join, toHex } from '../src/bytes.js';
import type { Value } from '../src/cbor.js';
import { PUBLIC_KEY_SIZE, parseSpki, SIGNATURE_SIZE, spkiOf, type PublicKey } from '../src/keys.js';

/** The draws of one case ("The stream of a case"). */
export class Draw {
  private readonly start: Uint8Array;
  private block = 0;
  private pool: Uint8Array = new Uint8Array(0);

  constructor(encoding: string, number: number) {
    this.start = concat(encodeUtf8(`oar-seeded-v1\0${encoding}\0`), bigEndian(number));
  }

  bytes(count: number): Uint8Array {
    const missing = Math.ceil(Math.max(0, count - this.pool.length) / 32);
    if (missing > 0) this.pool = join([this.pool, ...this.list(missing, () => this.next())]);
    const drawn = this.pool.subarray(0, count);
    this.pool = this.pool.subarray(count);
    return drawn;
  }

  private next(): Uint8Array {
    this.block += 1;
    return createHash('sha256').update(this.start).update(bigEndian(this.block - 1)).digest();
  }

  below(end: number): number {
    const [a, b, c, d] = this.bytes(4);
    return (a! * 2 ** 24 + b! * 2 ** 16 + c! * 2 ** 8 + d!) % end;
  }

  /** bytes(below(end)) */
  some(end: number): Uint8Array {
    return this.bytes(this.below(end));
  }

  uint(): bigint {
    return BigInt(`0x${toHex(this.bytes(2 ** this.below(4)))}`);
  }

  size(): bigint {
    return (this.uint() % (2n ** 53n - 1n)) + 1n;
  }

  label(): string {
    return String.fromCharCode(...this.list(this.below(64) + 1, () => 0x61 + this.below(26)));
  }

  list<T>(count: number, draw: (place: number) => T): T[] {
    return Array.from({ length: count }, (_, place) => draw(place));
  }

  map<T extends Value>(end: number, value: () => T): Map<string, T> {
    return new Map(this.list(this.below(end), () => [this.label(), value()]));
  }

  hashes(count: number): Uint8Array[] {
    return this.list(count, () => this.bytes(32));
  }

  key(): PublicKey {
    return parseSpki(spkiOf(this.bytes(PUBLIC_KEY_SIZE)))!;
  }

  signature(): Uint8Array {
    return this.bytes(SIGNATURE_SIZE);
  }

  /** A note that is none. */
  ascii(): Uint8Array {
    return this.some(200).map((byte) => byte % 128);
  }

  fact(): Value {
    const item = (): Value => (this.below(2) === 0 ? this.uint() : this.label());
    const kinds = [() => this.uint(), () => this.some(40), () => this.label(), () => this.list(this.below(4), item)];
    return kinds[this.below(4)]!();
  }
}

/** SHA-256 over the bytes of every case, each behind its length. */
export function hashOf(encoding: string, count: number, bytesOf: (draw: Draw) => Uint8Array): string {
  const hash = createHash('sha256');
  for (let number = 0; number < count; number += 1) {
    const bytes = bytesOf(new Draw(encoding, number));
    hash.update(bigEndian(bytes.length)).update(bytes);
  }
  return hash.digest('hex');
}

/** Four bytes. */
function bigEndian(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}
