/** The attack table of the record's design, a row each where a verifier can show it: each name is the row's. */
import { concat, join } from '../src/bytes.js';
import { decode, encode, type Value } from '../src/cbor.js';
import { KIND } from '../src/record.js';
import type { Policy } from '../src/policy.js';
import { claimed, K1, K2, pinned, RECOVERY, ROTATED, STRANGER, TRUST } from './history.js';
import { Log, set } from './make.js';
import { broken, changed, checkRows, chunk, flipped, note, type Row } from './rows.js';

const log = (): Log => new Log(K1, { next: K2, recovery: RECOVERY }).genesis();
const five = (): Log => log().intent().outcome(1).intent().outcome(3);
const rebuilt = (key = K1): Log => new Log(key).genesis().intent(set({ 5: 1n })).outcome(1).intent().outcome(3);
const FIVE = five();
const PINNED = pinned(FIVE);
const brokenFive = (change: Parameters<typeof broken>[0]): Uint8Array => broken(change, FIVE);
const rolledBack = (): Log => log().intent().outcome(1).intent(set({ 5: 1n })).outcome(3).intent();
/** The thief signs from 5 on; the recovery key revokes what it signed from there. */
const stolen = (): Log => five().intent().outcome(5).revoke(K1, { effective: 7, since: claimed(5) }, { key: RECOVERY });
/** The thief's one record says that it is from the time of genesis. */
const backdated = (): Log => five().intent(set({ 5: BigInt(claimed(0)) })).revoke(K1, { effective: 6, since: claimed(5) }, { key: RECOVERY });

const ROWS: Row[] = [
  { why: 'last k records dropped, no outside reference', bundle: log().intent().outcome(1).bundle(), policy: TRUST, reason: 'completeness-unwitnessed', exit: 2 },
  { why: 'the same, with a pinned checkpoint of size N', bundle: log().intent().outcome(1).bundle(), policy: PINNED, reason: 'truncated', index: 3, text: /truncated, have 3 < 5 at index 3/ },
  { why: 'all records deleted', bundle: brokenFive((p) => (p.header[5] = 0n)), policy: PINNED, reason: 'no-records', index: 0 },
  { why: 'a record edited', bundle: brokenFive((p) => (chunk(p, 1)[1] = changed(chunk(p, 1)[1], set({ 10: 'x' })))), policy: PINNED, reason: 'signature', index: 1 },
  { why: 'a record edited, and its signature taken from another key', bundle: brokenFive((p) => (chunk(p, 2)[1] = FIVE.cose(1, STRANGER))), policy: PINNED, reason: 'malformed-signature', index: 1 },
  { why: 'a record removed', bundle: brokenFive((p) => (chunk(p, 1).splice(2, 1), chunk(p, 2).splice(2, 1), (p.header[5] = 4n))), policy: PINNED, reason: 'index', index: 2 },
  { why: 'records reordered', bundle: brokenFive((p) => chunk(p, 1).reverse()), policy: PINNED, reason: 'log-id', index: 0 },
  { why: 'a record spliced from another log', bundle: brokenFive((p) => (chunk(p, 1)[3] = rebuilt().records[3]!)), policy: PINNED, reason: 'log-id', index: 3 },
  { why: 'records after terminal', bundle: log().add(KIND.terminal).intent().bundle(), policy: TRUST, reason: 'after-terminal', index: 2 },
  { why: 'whole log rebuilt, same key, an earlier checkpoint is known', bundle: rebuilt().bundle(), policy: PINNED, reason: 'fork', index: 5 },
  { why: 'whole log rebuilt, same key, no checkpoint is known', bundle: rebuilt().bundle(), policy: TRUST, reason: 'completeness-unwitnessed', exit: 2 },
  { why: 'whole log rebuilt, new key', bundle: rebuilt(STRANGER).bundle(), policy: PINNED, reason: 'unknown-key', index: 0 },
  { why: 'two signed views', bundle: log().intent().outcome(1).intent(set({ 5: 1n })).outcome(3).bundle(), policy: PINNED, reason: 'fork', index: 5 },
  { why: 'machine rolled back, then continued', bundle: rolledBack().bundle(), policy: PINNED, reason: 'fork', index: 6 },
  { why: 'backdated clock, against a bound', bundle: five().intent(set({ 5: 1n })).bundle(), policy: bounded({ requested: claimed(4) }), reason: 'time-bounds', index: 5, axes: { time: 'time-bounds' } },
  { why: 'backdated clock, without a bound', bundle: five().intent(set({ 5: 1n })).bundle(), policy: { ...PINNED, upto: 5 }, reason: null, exit: 0, axes: { time: 'operator-claimed' } },
  { why: 'stolen key signs the future, nobody saw what came before', bundle: stolen().bundle(), policy: pinned(stolen()), reason: 'revoked', exit: 3, revoked: [[0, 6]] },
  { why: 'stolen key signs the future, a witness saw what came before', bundle: stolen().bundle(), policy: bounded({ received: claimed(4) }, { checkpoint: stolen().checkpoint() }), reason: 'revoked', exit: 3, revoked: [[5, 6]] },
  { why: 'stolen key signs the future, what a witness saw before', bundle: stolen().bundle(), policy: { ...bounded({ received: claimed(4) }), upto: 5 }, reason: null, exit: 0, axes: { 'key-status': 'pass', time: 'pass' } },
  { why: 'stolen key signs what claims to be older than the theft', bundle: backdated().bundle(), policy: bounded({ received: claimed(4) }, { checkpoint: backdated().checkpoint() }), reason: 'revoked', exit: 3, revoked: [[5, 5]] },
  { why: 'stolen key forges a rotation', bundle: five().rotate({ key: STRANGER }).bundle(), policy: TRUST, reason: 'pre-rotation', index: 5 },
  { why: 'signature stripped', bundle: brokenFive((p) => (chunk(p, 2)[1] = new Uint8Array(0))), policy: PINNED, reason: 'signing-mode', index: 1 },
  { why: 'signature stripped, and the mode changed', bundle: brokenFive((p) => ((chunk(p, 1)[1] = changed(chunk(p, 1)[1], set({ 16: 1n }))), (chunk(p, 2)[1] = new Uint8Array(0)))), policy: PINNED, reason: 'malformed-record', index: 1 },
  { why: 'checkpoint root wrong', bundle: brokenFive(note((text) => text.replace(/\n[^\n]{44}\n/, `\n${'A'.repeat(43)}=\n`))), policy: PINNED, reason: 'root', index: 5 },
  { why: 'checkpoint size wrong', bundle: brokenFive(note((text) => text.replace('\n5\n', '\n6\n'))), policy: PINNED, reason: 'root', index: 5 },
  { why: 'intent without outcome, which the policy allows', bundle: rolledBack().bundle(), policy: pinned(rolledBack()), reason: null, exit: 0, axes: { pairing: 'open-intents' }, text: /intents without outcome: 5/ },
  { why: 'intent without outcome, which the policy does not allow', bundle: rolledBack().bundle(), policy: pinned(rolledBack(), { require: ['pairing'] }), reason: 'open-intents', exit: 2 },
  { why: 'outcome without intent, or sealed before it', bundle: log().outcome(0).bundle(), policy: TRUST, reason: 'pairing-order', index: 1, axes: { pairing: 'pairing-order' } },
  { why: 'field erased', bundle: five().erase(1, ['prompt']).bundle(), policy: pinned(five().erase(1, ['prompt'])), reason: null, exit: 0, text: /; erased: 1 prompt by 5; / },
  { why: 'key taken from the bundle itself', bundle: FIVE.bundle(), policy: { reference: FIVE.checkpoint() }, reason: 'self-asserted-key', exit: 2 },
  { why: 'key taken from the bundle itself, after a rotation', bundle: ROTATED.bundle(), policy: { reference: ROTATED.checkpoint() }, reason: 'self-asserted-key', exit: 2 },
  { why: 'non-canonical CBOR', bundle: brokenFive((p) => (chunk(p, 1)[1] = concat(Uint8Array.of(0xb8), (chunk(p, 1)[1] as Uint8Array).slice(0, 1).map((head) => head & 0x1f), (chunk(p, 1)[1] as Uint8Array).slice(1)))), policy: PINNED, reason: 'malformed-record', index: 1 },
  { why: 'non-canonical base64', bundle: brokenFive(note((text) => text.replace(/.==\n$/, (end) => `${next(end[0]!)}==\n`))), policy: PINNED, reason: 'malformed-checkpoint', index: 5 },
  { why: 'repeated ML-DSA hint', bundle: brokenFive((p) => (chunk(p, 2)[1] = repeatedHint(chunk(p, 2)[1] as Uint8Array))), policy: PINNED, reason: 'signature', index: 1 },
  { why: 'oversize', bundle: brokenFive((p) => (chunk(p, 1)[1] = new Uint8Array(61_441))), policy: PINNED, reason: 'malformed-bundle', index: 1 },
  { why: 'deep nesting', bundle: brokenFive((p) => (chunk(p, 1)[1] = deep(chunk(p, 1)[1] as Uint8Array))), policy: PINNED, reason: 'malformed-record', index: 1 },
  { why: 'trailing bytes', bundle: concat(FIVE.bundle(), Uint8Array.of(0)), policy: PINNED, reason: 'malformed-bundle', index: 5 },
  { why: 'trailing bytes in a record', bundle: brokenFive((p) => (chunk(p, 1)[1] = concat(chunk(p, 1)[1] as Uint8Array, Uint8Array.of(0)))), policy: PINNED, reason: 'malformed-record', index: 1 },
  ...[[0xa0, 'maps'], [0x80, 'arrays'], [0x40, 'byte strings'], [0x60, 'texts']].map(
    ([item, what]): Row => ({ why: `a settlement of a million empty ${what}`, bundle: settledBy(item as number), policy: PINNED, reason: 'malformed-light-proof', index: 5, axes: { completeness: 'malformed-light-proof' } }),
  ),
  { why: 'a flipped bit', bundle: brokenFive((p) => (chunk(p, 2)[3] = flipped(chunk(p, 2)[3], 2000))), policy: PINNED, reason: 'signature', index: 3 },
];

checkRows('attack table', ROWS, TRUST);

/** A policy with a timed reference to the first five records, and others. */
function bounded(times: { requested?: number; received?: number }, ...more: { checkpoint: string }[]): Policy {
  return { ...TRUST, references: [{ checkpoint: FIVE.checkpoint(), ...times }, ...more] };
}

/** Five records with a settlement of a mebibyte: an array whose items are all this byte. */
function settledBy(item: number): Uint8Array {
  const proof = new Uint8Array(5 + 0x000f_ffff).fill(item);
  proof.set([0x9a, 0x00, 0x0f, 0xff, 0xff]);
  const { header, keys, chunks, checkpoint } = FIVE.parts();
  return join([header, keys, [6n, proof], ...chunks, checkpoint].map((part) => encode(part)));
}

/** The same hints, the last of them named twice: a lenient reader would find the same signature in other bytes (FIPS 204 §7.1). */
function repeatedHint(cose: Uint8Array): Uint8Array {
  const [omega, k] = [55, 6];
  const bytes = cose.slice();
  const hints = bytes.subarray(bytes.length - omega - k);
  const used = hints[omega + k - 1]!;
  if (used === 0 || used === omega || used === hints[omega + k - 2]) throw new Error('this signature has no room for a repeated hint');
  hints[used] = hints[used - 1]!;
  hints[omega + k - 1] = used + 1;
  return bytes;
}

function deep(record: Uint8Array): Uint8Array {
  const fields = decode(record) as Map<bigint, Value>;
  let value: Value = 0n;
  for (let i = 0; i < 7; i += 1) value = [value];
  set({ 19: new Map([['x', value]]) })(fields);
  return encode(fields);
}

/** The next character of the base64 alphabet: the same bytes with other pad bits. */
function next(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return alphabet[alphabet.indexOf(character) + 1]!;
}
