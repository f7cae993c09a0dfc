/** What the forms of spec/pantheon.md have in common: items checked one by one, and the refusal that carries its reason. */
import { compare } from '../bytes.js';
import { decodeForm, Malformed, type Value } from '../cbor.js';
import { PUBLIC_KEY_SIZE, SIGNATURE_SIZE } from '../keys.js';
import { ID_SIZE } from '../record.js';

/** Why something of a chain is refused. */
export class Refused extends Error {
  constructor(
    readonly reason: string,
    /** Of a genesis that does not come to the supply: what it comes to. */
    readonly sum?: bigint,
  ) {
    super(reason);
  }
}

/** The bytes as one item of a form that has so many items at most, arrays counted, or the refusal. */
export function decoded(bytes: Uint8Array, reason: string, itemsMax: number, most: number = Infinity): Value {
  if (bytes.length > most) throw new Refused('oversized');
  try {
    return decodeForm(bytes, itemsMax);
  } catch (error) {
    throw error instanceof Malformed ? new Refused(reason) : error;
  }
}

/** Takes the items of an array one after the other; whatever is not as asked for is refused with one reason. */
export class Items {
  private at = 0;
  private readonly items: Value[];

  constructor(
    value: Value | undefined,
    private readonly reason: string,
  ) {
    if (!Array.isArray(value)) throw new Refused(reason);
    this.items = value;
  }

  get length(): number {
    return this.items.length;
  }

  refuse(): never {
    throw new Refused(this.reason);
  }

  must(holds: boolean): void {
    if (!holds) this.refuse();
  }

  /** No item more and no item less. */
  of(count: number): this {
    this.must(this.items.length === count);
    return this;
  }

  next(): Value {
    const item = this.items[this.at];
    this.at += 1;
    return item === undefined ? this.refuse() : item;
  }

  uint(): bigint {
    const item = this.next();
    return typeof item === 'bigint' ? item : this.refuse();
  }

  /** Not nothing. */
  some(): bigint {
    const item = this.uint();
    return item > 0n ? item : this.refuse();
  }

  bytes(most: number = Infinity): Uint8Array {
    const item = this.next();
    return item instanceof Uint8Array && item.length <= most ? item : this.refuse();
  }

  fixed(size: number): Uint8Array {
    const item = this.bytes();
    return item.length === size ? item : this.refuse();
  }

  id(): Uint8Array {
    return this.fixed(ID_SIZE);
  }

  key(): Uint8Array {
    return this.fixed(PUBLIC_KEY_SIZE);
  }

  signature(): Uint8Array {
    return this.fixed(SIGNATURE_SIZE);
  }

  text(): string {
    const item = this.next();
    return typeof item === 'string' ? item : this.refuse();
  }

  name(): string {
    const item = this.text();
    return /^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$/.test(item) ? item : this.refuse();
  }

  array(): Items {
    return new Items(this.next(), this.reason);
  }

  /** A list of `least` to `most` items, each read by `read`. */
  list<T>(least: number, most: number, read: (items: Items) => T): T[] {
    const list = this.array();
    this.must(list.length >= least && list.length <= most);
    return Array.from({ length: list.length }, () => read(list));
  }

  /** `["name", 1, …]` of so many elements; the rest is left to read. */
  named(name: string, count: number): this {
    this.of(count);
    this.must(this.text() === name && this.uint() === 1n);
    return this;
  }
}

/** Do byte strings ascend, none twice? */
export function ascend(all: readonly Uint8Array[]): boolean {
  return all.every((bytes, at) => at === 0 || compare(all[at - 1]!, bytes) < 0);
}
