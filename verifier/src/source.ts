/** Bytes as they come, and the heads and strings of the CBOR profile read from them. */
import { decodeUtf8 } from './bytes.js';
import { argumentSize, EndOfInput, MAJOR, Malformed, readHead, type Head } from './cbor.js';

/** A generator that yields undefined whenever it needs more bytes, and otherwise what it has read. */
export type Reading<T, Y = never> = Generator<Y | undefined, T, void>;

/** Bytes as they come. What is pushed is used up before the next push, so nothing piles up. */
export class Source {
  /** How many bytes of the file have been read. */
  consumed = 0;
  private pushed: Uint8Array = new Uint8Array(0);
  private at = 0;
  private over = false;

  push(bytes: Uint8Array): void {
    this.pushed = bytes;
    this.at = 0;
  }

  end(): void {
    this.over = true;
  }

  /** Exactly `size` bytes, copied; callers bound the size first. */
  *take(size: number): Reading<Uint8Array> {
    const bytes = new Uint8Array(size);
    let have = 0;
    while (have < size) {
      if (yield* this.atEnd()) throw new EndOfInput('the file ends too early');
      const piece = this.pushed.subarray(this.at, this.at + size - have);
      bytes.set(piece, have);
      have += piece.length;
      this.at += piece.length;
      this.consumed += piece.length;
    }
    return bytes;
  }

  /** Waits until there is a byte to read or the file is over; says whether it is over. */
  *atEnd(): Reading<boolean> {
    while (this.at === this.pushed.length) {
      if (this.over) return true;
      yield undefined;
    }
    return false;
  }
}

/** Reads the heads and strings of the CBOR profile from a source. */
export class Atoms {
  constructor(private readonly source: Source) {}

  *head(): Reading<Head> {
    const initial = (yield* this.source.take(1))[0]!;
    return readHead(initial, yield* this.source.take(argumentSize(initial)));
  }

  /** The argument of a head that must have this major type. */
  *argument(major: number): Reading<bigint> {
    const head = yield* this.head();
    if (head.major !== major) throw new Malformed('another major type');
    return head.argument;
  }

  *expect(major: number, argument: number): Reading<void> {
    if ((yield* this.argument(major)) !== BigInt(argument)) throw new Malformed('another number');
  }

  *bytes(max: number): Reading<Uint8Array> {
    return yield* this.string(MAJOR.bytes, max);
  }

  *bytesOf(size: number): Reading<Uint8Array> {
    yield* this.expect(MAJOR.bytes, size);
    return yield* this.source.take(size);
  }

  *text(max: number): Reading<string> {
    const text = decodeUtf8(yield* this.string(MAJOR.text, max));
    if (text === undefined) throw new Malformed('a text that is not UTF-8');
    return text;
  }

  private *string(major: number, max: number): Reading<Uint8Array> {
    const size = yield* this.argument(major);
    if (size > BigInt(max)) throw new Malformed('larger than its limit');
    return yield* this.source.take(Number(size));
  }
}
