/** Reads from a record's bytes only what the list shows of it. The verifier judges the same bytes by itself; nothing here is trusted. */

export interface Skimmed {
  /** Wall clock, ms: the operator's claim. */
  time: number;
  kind: number;
  actorClass: number;
  action: Uint8Array;
  causes: number[];
  /** D of the intent, in outcomes. */
  intent: Uint8Array | undefined;
  outcome: number | undefined;
  mode: number;
}

const [UINT, BYTES, TEXT, ARRAY, MAP] = [0, 2, 3, 4, 5];
const CAUSES_MAX = 64;

/** What the record says, or undefined where it is not the form of a record. */
export function skim(bytes: Uint8Array): Skimmed | undefined {
  try {
    return new Skim(bytes).record();
  } catch (error) {
    if (error instanceof NotReadable) return undefined;
    throw error;
  }
}

class NotReadable extends Error {}

class Skim {
  private at = 0;
  private major = 0;
  private argument = 0;

  constructor(private readonly bytes: Uint8Array) {}

  record(): Skimmed {
    const found: Partial<Skimmed> = { causes: [], intent: undefined, outcome: undefined };
    for (let left = this.expect(MAP); left > 0; left -= 1) this.field(this.expect(UINT), found);
    const { time, kind, actorClass, action, mode } = found;
    if (time === undefined || kind === undefined || actorClass === undefined || action === undefined || mode === undefined) throw new NotReadable();
    return found as Skimmed;
  }

  private field(key: number, found: Partial<Skimmed>): void {
    switch (key) {
      case 5:
        found.time = this.expect(UINT);
        break;
      case 7:
        found.kind = this.code();
        break;
      case 8:
        if (this.expect(ARRAY) !== 2) throw new NotReadable();
        found.actorClass = this.code();
        this.skip();
        break;
      case 10:
        found.action = this.string(TEXT);
        break;
      case 11:
        found.causes = this.causes();
        break;
      case 14:
        found.intent = this.string(BYTES);
        break;
      case 15:
        found.outcome = this.code();
        break;
      case 16:
        found.mode = this.code();
        break;
      default:
        this.skip();
    }
  }

  private causes(): number[] {
    const count = this.expect(ARRAY);
    if (count > CAUSES_MAX) throw new NotReadable();
    const indexes: number[] = [];
    while (indexes.length < count) {
      if (this.expect(ARRAY) !== 2) throw new NotReadable();
      indexes.push(this.expect(UINT));
      this.skip();
    }
    return indexes;
  }

  private code(): number {
    const code = this.expect(UINT);
    if (code > 250) throw new NotReadable();
    return code;
  }

  private string(major: number | undefined): Uint8Array {
    const size = this.expect(major);
    if (size > this.bytes.length - this.at) throw new NotReadable();
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  private expect(major: number | undefined): number {
    this.head();
    if (this.major !== major) throw new NotReadable();
    return this.argument;
  }

  /** Passes over one item. Each item has at least one byte, so a count that lies ends with the bytes. */
  private skip(): void {
    for (let left = 1; left > 0; left -= 1) {
      this.head();
      if (this.major === BYTES || this.major === TEXT) this.at += this.argument;
      else if (this.major === ARRAY) left += this.argument;
      else if (this.major === MAP) left += 2 * this.argument;
    }
  }

  private head(): void {
    const initial = this.bytes[this.at];
    if (initial === undefined) throw new NotReadable();
    this.at += 1;
    this.major = initial >> 5;
    this.argument = initial & 0x1f;
    if (this.argument < 24) return;
    if (this.argument > 27) throw new NotReadable();
    const size = 1 << (this.argument - 24);
    this.argument = 0;
    for (let i = 0; i < size; i += 1) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw new NotReadable();
      this.argument = this.argument * 256 + byte;
      this.at += 1;
    }
  }
}
