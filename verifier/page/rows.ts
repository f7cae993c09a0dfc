/** The list of a bundle's records, kept in the worker: some fifty bytes a record and where its bytes are in the file, so that any file can be shown. */
import { decodeUtf8, toHex } from '../src/bytes.js';
import type { Opening } from '../src/bundle.js';
import { KIND, MODE, parseRecord, readErasure } from '../src/record.js';
import type { Report } from '../src/verdict.js';
import { PAGE_SIZE, type Filter, type Mark, type Row, type Totals } from './messages.js';
import { Doubles, Ints } from './numbers.js';
import { skim } from './skim.js';

/** More are verified all the same; the page says that it does not list them. */
export const ROWS_MAX = 2_000_000;
export const ANCESTORS_MAX = 500;
/** Openings of one record that are shown: as many as a record has commitments (spec/record.md). More of them fail in step 15. */
export const OPENINGS_OF_ONE_MAX = 64;
/** So that a bundle made for it cannot fill the memory: beyond these, causes are not followed, and openings and erasures not shown. */
const EDGES_MAX = 8_000_000;
const OPENINGS_MAX = 4_000_000;
export const ERASED_FIELDS_MAX = 1_000_000;
const ACTIONS_MAX = 4096;
const UNREADABLE = 255;
const NONE = -1;

/** An opened field, and where in the file its value and its salt are: [from, to). */
interface OpeningPlace {
  label: string;
  value: [number, number];
  salt: [number, number];
}

export class Rows {
  /** The index of the first record. */
  first = 0;
  /** Records read, listed or not. */
  read = 0;
  openIntents = 0;
  /** The first record whose causes, openings or erasures were too many to keep. */
  private cutAt: number | null = null;
  private readonly end = new Doubles();
  private readonly size = new Ints();
  private readonly time = new Doubles();
  /** kind, outcome + 1, mode, actor class: a byte each. */
  private readonly codes = new Ints();
  private readonly action = new Ints();
  /** Outcome of an intent, intent of an outcome, as row numbers. */
  private readonly partner = new Ints();
  private readonly causeCount = new Ints();
  private readonly firstEffect = new Ints();
  private readonly effectCount = new Ints();
  private readonly signature = new Ints();
  // One edge for each cause that the bundle holds: the effects of a record are a list through `edgeNext`.
  private readonly edgeEffect = new Ints();
  private readonly edgeCause = new Ints();
  private readonly edgeNext = new Ints();
  private readonly edgesFrom = new Ints();
  private readonly openingRow = new Ints();
  private readonly openingLabel = new Ints();
  private readonly openingEnd = new Doubles();
  private readonly openingSize = new Ints();
  private readonly seals = new Ints();
  private readonly actions = new Names(ACTIONS_MAX);
  private readonly labels = new Names(ACTIONS_MAX);
  private readonly actionCounts = new Map<number, number>();
  private readonly kindCounts = new Map<number, number>();
  private readonly open = new Map<string, number>();
  private readonly erasures = new Map<number, { label: string; by: number }[]>();
  private erasedCount = 0;

  get count(): number {
    return this.end.length;
  }

  /** Takes the next record, whose bytes end at `end`; `digest` is there if it passed the steps before signatures. */
  add(index: number, bytes: Uint8Array, end: number, digest: Uint8Array | undefined): void {
    this.read += 1;
    const row = index - this.first;
    if (row >= ROWS_MAX) return;
    const seen = skim(bytes);
    const action = seen === undefined ? NONE : this.actions.number(seen.action);
    this.end.push(end);
    this.size.push(bytes.length);
    this.time.push(seen?.time ?? 0);
    this.codes.push(seen === undefined ? UNREADABLE : seen.kind | (((seen.outcome ?? NONE) + 1) << 8) | (seen.mode << 16) | (seen.actorClass << 24));
    this.action.push(action);
    this.partner.push(NONE);
    this.causeCount.push(seen?.causes.length ?? 0);
    this.firstEffect.push(NONE);
    this.effectCount.push(0);
    this.signature.push(NONE);
    this.edgesFrom.push(this.edgeCause.length);
    if (seen === undefined) return;
    count(this.kindCounts, seen.kind);
    count(this.actionCounts, action);
    for (const cause of seen.causes) this.link(row, cause - this.first);
    if (seen.kind === KIND.seal) this.seals.push(row);
    if (seen.kind === KIND.intent && digest !== undefined) {
      this.open.set(toHex(digest), row);
      this.openIntents += 1;
    }
    if (seen.intent !== undefined) this.close(row, toHex(seen.intent));
    if (seen.kind === KIND.erase && digest !== undefined) this.erase(index, bytes);
  }

  /** Takes the signature of record `index`, 0 bytes where there is none. */
  sign(index: number, size: number): void {
    const row = index - this.first;
    if (row < this.count) this.signature.set(row, size);
  }

  openField({ index, label, value }: Opening, end: number): void {
    const row = Number(index) - this.first;
    if (row < 0 || row >= this.count) return;
    if (this.openingRow.length >= OPENINGS_MAX) {
      this.cutAt ??= Number(index);
      return;
    }
    this.openingRow.push(row);
    this.openingLabel.push(this.labels.number(new TextEncoder().encode(label)));
    this.openingEnd.push(end);
    this.openingSize.push(value.length);
  }

  totals(): Totals {
    const kinds = [...this.kindCounts].sort(([a], [b]) => a - b).map(([kind, many]) => ({ kind, count: many }));
    const actions = [...this.actionCounts].map(([action, many]) => ({ action, name: this.actions.name(action), count: many }));
    actions.sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
    const { read: records, first, openIntents, cutAt } = this;
    return { records, listed: this.count, first, openIntents, cutAt, kinds, actions };
  }

  /** One page of those that the filter lets through. A page beyond the last is the last. */
  list(filter: Filter, page: number, report: Report): { rows: Row[]; page: number; matched: number } {
    const matching: number[] = [];
    let matched = 0;
    // Only the rows of the wanted page are kept; if there is no such page, the last full one is asked for again.
    for (let row = 0; row < this.count; row += 1) {
      if (!this.passes(row, filter, report)) continue;
      if (matched >= page * PAGE_SIZE && matching.length < PAGE_SIZE) matching.push(row);
      matched += 1;
    }
    const last = Math.max(0, Math.ceil(matched / PAGE_SIZE) - 1);
    if (page > last) return this.list(filter, last, report);
    return { rows: matching.map((row) => this.row(row, report)), page, matched };
  }

  /** The page on which the filter shows record `index`, or the page where it would stand. */
  pageOf(filter: Filter, index: number, report: Report): number {
    let before = 0;
    const end = Math.min(index - this.first, this.count);
    for (let row = 0; row < end; row += 1) if (this.passes(row, filter, report)) before += 1;
    return Math.floor(before / PAGE_SIZE);
  }

  row(row: number, report: Report): Row {
    const codes = this.codes.at(row);
    const readable = codes !== UNREADABLE;
    const outcome = ((codes >> 8) & 0xff) - 1;
    const partner = this.partner.at(row);
    return {
      index: this.first + row,
      mark: this.mark(row, report),
      kind: readable ? codes & 0xff : null,
      action: readable ? this.actions.name(this.action.at(row)) : null,
      actorClass: readable ? codes >>> 24 : null,
      time: readable ? this.time.at(row) : null,
      mode: readable ? (codes >> 16) & 0xff : null,
      outcome: readable && outcome >= 0 ? outcome : null,
      opened: this.openingRow.search(row + 1) - this.openingRow.search(row),
      partner: partner === NONE ? null : this.first + partner,
      causeCount: this.causeCount.at(row),
      erased: this.erasures.has(row),
    };
  }

  /** Where the bytes of a row are: [from, to) in the file. */
  place(row: number): [number, number] {
    const end = this.end.at(row);
    return [end - this.size.at(row), end];
  }

  signatureSize(row: number): number | null {
    const size = this.signature.at(row);
    return size === NONE ? null : size;
  }

  /** The openings of a row, OPENINGS_OF_ONE_MAX at most: label, where its value is, and where its salt is (right before the head of the value). */
  openingsOf(row: number): OpeningPlace[] {
    const found: OpeningPlace[] = [];
    for (let at = this.openingRow.search(row); this.openingRow.at(at) === row && found.length < OPENINGS_OF_ONE_MAX; at += 1) {
      const [end, size] = [this.openingEnd.at(at), this.openingSize.at(at)];
      const saltEnd = end - size - (size < 24 ? 1 : size < 256 ? 2 : size < 65_536 ? 3 : 5);
      found.push({ label: this.labels.name(this.openingLabel.at(at)), value: [end - size, end], salt: [saltEnd - 32, saltEnd] });
    }
    return found;
  }

  /** Rows that name this one as a cause, ascending, at most `max` of them. */
  effectsOf(row: number, max: number): { rows: number[]; count: number } {
    const rows: number[] = [];
    for (let edge = this.firstEffect.at(row); edge !== NONE; edge = this.edgeNext.at(edge)) rows.push(this.edgeEffect.at(edge));
    rows.sort((a, b) => a - b);
    return { rows: rows.slice(0, max), count: this.effectCount.at(row) };
  }

  /** All rows that lead to this one by causes and intents, ascending; the search stops at ANCESTORS_MAX. */
  ancestorsOf(row: number): number[] {
    const found = new Set<number>();
    const waiting = [row];
    while (waiting.length > 0 && found.size < ANCESTORS_MAX) {
      for (const before of this.reasonsOf(waiting.pop()!)) {
        if (found.has(before)) continue;
        found.add(before);
        waiting.push(before);
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  /** The seal whose signature covers this row: the next one after it. */
  sealAfter(row: number): number | undefined {
    const at = this.seals.search(row + 1);
    return at < this.seals.length ? this.seals.at(at) : undefined;
  }

  erasedOf(row: number): { label: string; by: number }[] {
    return this.erasures.get(row) ?? [];
  }

  private mark(row: number, report: Report): Mark {
    const index = this.first + row;
    if (report.index !== null && report.exit !== 0) {
      return BigInt(report.index) === BigInt(index) ? 'failed' : 'unjudged';
    }
    // A verdict was reached, and no step contradicts it.
    if (report.verdict === null) return 'unjudged';
    if (isRevoked(report, index)) return 'revoked';
    return report.scope.last !== null && index > report.scope.last ? 'outside' : 'covered';
  }

  private passes(row: number, { kind, action, only }: Filter, report: Report): boolean {
    const codes = this.codes.at(row);
    if (kind !== null && (codes === UNREADABLE || (codes & 0xff) !== kind)) return false;
    if (action !== null && this.action.at(row) !== action) return false;
    switch (only) {
      case 'all':
        return true;
      case 'failed':
      case 'revoked':
      case 'outside':
        return this.mark(row, report) === only;
      case 'open':
        return codes !== UNREADABLE && (codes & 0xff) === KIND.intent && this.partner.at(row) === NONE;
      case 'opened':
        return this.openingRow.at(this.openingRow.search(row)) === row;
      case 'erased':
        return this.erasures.has(row);
      case 'sealed':
        return codes !== UNREADABLE && ((codes >> 16) & 0xff) === MODE.sealed;
    }
  }

  private link(effect: number, cause: number): void {
    if (!(cause >= 0 && cause < effect)) return;
    if (this.edgeCause.length >= EDGES_MAX) {
      this.cutAt ??= this.first + effect;
      return;
    }
    this.edgeEffect.push(effect);
    this.edgeCause.push(cause);
    this.edgeNext.push(this.firstEffect.at(cause));
    this.firstEffect.set(cause, this.edgeCause.length - 1);
    this.effectCount.set(cause, this.effectCount.at(cause) + 1);
  }

  private close(outcome: number, digest: string): void {
    const intent = this.open.get(digest);
    if (intent === undefined) return;
    this.open.delete(digest);
    this.openIntents -= 1;
    this.partner.set(intent, outcome);
    this.partner.set(outcome, intent);
  }

  /** An erase record names the record and the labels that are gone. */
  private erase(index: number, bytes: Uint8Array): void {
    const record = parseRecord(bytes);
    const erasure = typeof record === 'string' ? undefined : readErasure(record.facts, index);
    if (erasure === undefined) return;
    const erased = Number(erasure.record) - this.first;
    if (erased < 0) return;
    if (this.erasedCount + erasure.labels.length > ERASED_FIELDS_MAX) {
      this.cutAt ??= index;
      return;
    }
    this.erasedCount += erasure.labels.length;
    const named = erasure.labels.map((label) => ({ label, by: index }));
    const before = this.erasures.get(erased);
    if (before === undefined) this.erasures.set(erased, named);
    else before.push(...named);
  }

  private *reasonsOf(row: number): Generator<number> {
    const end = row + 1 < this.count ? this.edgesFrom.at(row + 1) : this.edgeCause.length;
    for (let edge = this.edgesFrom.at(row); edge < end; edge += 1) yield this.edgeCause.at(edge);
    const partner = this.partner.at(row);
    if (partner !== NONE && partner < row) yield partner;
  }
}

/** Names by number; beyond `max` different ones, all others are one. */
class Names {
  private readonly numbers = new Map<string, number>();
  private readonly names: string[] = [];

  constructor(private readonly max: number) {}

  number(bytes: Uint8Array): number {
    const name = decodeUtf8(bytes) ?? '(not UTF-8)';
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    if (this.names.length >= this.max) return this.max;
    this.numbers.set(name, this.names.length);
    return this.names.push(name) - 1;
  }

  name(number: number): string {
    return this.names[number] ?? '(one of many others)';
  }
}

function count(counts: Map<number, number>, of: number): void {
  counts.set(of, (counts.get(of) ?? 0) + 1);
}

/** Whether a range of `scope.revoked` holds the index. */
function isRevoked({ scope }: Report, index: number): boolean {
  return scope.revoked.some(([first, last]) => first <= index && index <= last);
}
