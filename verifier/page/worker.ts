/** The worker: streams the bundle through the verifier, keeps the list of its records, and answers what the page asks about them. */
import { sha256 } from '@noble/hashes/sha2.js';
import { toHex } from '../src/bytes.js';
import type { Item } from '../src/bundle.js';
import { decode, type Value, type ValueMap } from '../src/cbor.js';
import { looksLikeFork, verifyFork } from '../src/fork.js';
import { useHashes } from '../src/hashes.js';
import { leafHash } from '../src/merkle.js';
import { isMisused } from '../src/misuse.js';
import { parseRecord, recordDigest } from '../src/record.js';
import { emptyScope } from '../src/scope.js';
import { misuseReport, toJson, type Report } from '../src/verdict.js';
import { Verifier } from '../src/verify.js';
import type { Cause, Detail, FromWorker, Misused, Policy, ToWorker } from './messages.js';
import { pageHashes } from './page-hashes.js';
import { Rows } from './rows.js';

const READ_SIZE = 1 << 20;
const PROGRESS_EVERY_MS = 50;
const EFFECTS_SHOWN = 100;

/** What has been verified, once it has. */
interface Verified {
  file: File;
  rows: Rows;
  report: Report;
}

let verified: Verified | undefined;

export function startWorker(): void {
  useHashes(pageHashes);
  addEventListener('message', (event: MessageEvent<ToWorker>) => void answer(event.data));
}

async function answer(message: ToWorker): Promise<void> {
  try {
    switch (message.do) {
      case 'verify':
        return await verifyFile(message.file, message.policy);
      case 'list': {
        const { rows, report } = verified!;
        return say({ say: 'list', ask: message.ask, ...rows.list(message.filter, message.page, report) });
      }
      case 'find': {
        const { rows, report } = verified!;
        const page = rows.pageOf(message.filter, message.index, report);
        return say({ say: 'list', ask: message.ask, ...rows.list(message.filter, page, report) });
      }
      case 'show':
        return await show(message.ask, message.index);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (message.do === 'show') say({ say: 'show', ask: message.ask, detail: null, why });
    else say({ say: 'failed', message: why });
  }
}

async function verifyFile(file: File, policy: Policy | Misused): Promise<void> {
  verified = undefined;
  const rows = new Rows();
  if (isMisused(policy)) return await tell({ file, rows, report: misuseReport(policy, emptyScope()) }, false);
  const progress = new Progress(rows);
  const verifier = new Verifier(policy, undefined, (item, end, digest) => {
    take(rows, item, end, digest);
    if (item.part === 'header') progress.expected = item.header.count;
  });
  let at = 0;
  let next = read(file, 0);
  const start = await next;
  // A fork proof fits into what was read; a larger file that begins like one is refused for its size.
  if (looksLikeFork(start)) return await tell({ file, rows, report: verifyFork(start, policy) }, true);
  while (at < file.size) {
    const bytes = await next;
    at += bytes.length;
    // The next piece is on its way while this one is judged.
    next = read(file, at);
    // So that a piece that fails to be read is reported once, when it is waited for.
    next.catch(() => {});
    if (!verifier.feed(bytes)) break;
    progress.say(at);
  }
  await tell({ file, rows, report: verifier.finish() }, false);
}

async function tell(found: Verified, fork: boolean): Promise<void> {
  verified = found;
  const { file, rows, report } = found;
  say({ say: 'report', report, json: toJson(report), totals: rows.totals(), fork });
  await digestFile(file);
}

function take(rows: Rows, item: Item, end: number, digest: Uint8Array | undefined): void {
  if (item.part === 'header') rows.first = item.header.first;
  if (item.part === 'record') rows.add(item.index, item.bytes, end, digest);
  if (item.part === 'signature') rows.sign(item.index, item.cose.length);
  if (item.part === 'opening') rows.openField(item.opening, end);
}

/** SHA-256 of the whole file, for the report to name it by; after the verdict, because reading may have stopped early. */
async function digestFile(file: File): Promise<void> {
  const hash = sha256.create();
  for (let at = 0; at < file.size; at += READ_SIZE) hash.update(await read(file, at));
  say({ say: 'file-digest', hex: toHex(hash.digest()) });
}

async function show(ask: number, index: number): Promise<void> {
  const { rows } = verified!;
  const row = index - rows.first;
  if (!Number.isSafeInteger(row) || row < 0 || row >= rows.count) {
    return say({ say: 'show', ask, detail: null, why: `this bundle lists no record ${index}` });
  }
  say({ say: 'show', ask, detail: await detailOf(verified!, row), why: '' });
}

async function detailOf({ file, rows, report }: Verified, row: number): Promise<Detail> {
  const rowOf = (at: number | null | undefined) => (at === null || at === undefined || at < 0 || at >= rows.count ? null : rows.row(at, report));
  const bytes = await readBetween(file, rows.place(row));
  const { fields, broken } = fieldsOf(bytes);
  const shown = rows.row(row, report);
  const effects = rows.effectsOf(row, EFFECTS_SHOWN);
  const opened = rows.openingsOf(row).map(async ({ label, salt, value }) => ({
    label,
    salt: await readBetween(file, salt),
    value: await readBetween(file, value),
  }));
  return {
    row: shown,
    bytes,
    digest: toHex(recordDigest(bytes)),
    leaf: toHex(leafHash(bytes)),
    signatureSize: rows.signatureSize(row),
    fields,
    broken,
    prev: rowOf(row - 1),
    next: rowOf(row + 1),
    seal: rowOf(rows.sealAfter(row)),
    causes: await Promise.all(causesIn(fields).map((cause) => causeOf(cause, verified!))),
    effects: effects.rows.map((at) => rows.row(at, report)),
    effectCount: effects.count,
    partner: shown.partner === null ? null : rowOf(shown.partner - rows.first),
    ancestors: rows.ancestorsOf(row).map((at) => rows.first + at),
    opened: await Promise.all(opened),
    erased: rows.erasedOf(row),
  };
}

/** The record's fields where it is one; otherwise why not, and what of it can be read. */
function fieldsOf(bytes: Uint8Array): { fields: ValueMap | null; broken: string | null } {
  const record = parseRecord(bytes);
  const broken = typeof record === 'string' ? record : null;
  try {
    const fields = decode(bytes);
    return { fields: fields instanceof Map ? fields : null, broken };
  } catch {
    return { fields: null, broken };
  }
}

function causesIn(fields: ValueMap | null): [number, string][] {
  const causes = fields?.get(11n);
  const pair = (value: Value): [number, string][] => {
    if (!Array.isArray(value)) return [];
    const [index, digest] = value;
    return typeof index === 'bigint' && digest instanceof Uint8Array ? [[Number(index), toHex(digest)]] : [];
  };
  return Array.isArray(causes) ? causes.flatMap(pair) : [];
}

/** A cause is a claim: the digest is compared with that of the record which stands at its index. */
async function causeOf([index, digest]: [number, string], { file, rows, report }: Verified): Promise<Cause> {
  const row = index - rows.first;
  if (row < 0 || row >= rows.count) return { index, digest, same: null, row: null };
  const bytes = await readBetween(file, rows.place(row));
  return { index, digest, same: toHex(recordDigest(bytes)) === digest, row: rows.row(row, report) };
}

function read(file: File, from: number): Promise<Uint8Array> {
  return readBetween(file, [from, Math.min(from + READ_SIZE, file.size)]);
}

async function readBetween(file: File, [from, to]: [number, number]): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.slice(from, to).arrayBuffer());
  if (bytes.length !== to - from) throw new Error('the file has changed since it was chosen');
  return bytes;
}

class Progress {
  expected: number | null = null;
  private last = 0;

  constructor(private readonly rows: Rows) {}

  say(read: number): void {
    const now = performance.now();
    if (now - this.last < PROGRESS_EVERY_MS) return;
    this.last = now;
    say({ say: 'progress', read, records: this.rows.read, expected: this.expected });
  }
}

function say(message: FromWorker): void {
  (postMessage as (message: FromWorker) => void)(message);
}
