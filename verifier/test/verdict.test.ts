/** One way, at least, to every reason code of spec/verdict.md, with the index and the axis that it must name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat, encodeUtf8, fromHex, toHex } from '../src/bytes.js';
import { decode, encode, type Value, type ValueMap } from '../src/cbor.js';
import { Chain } from '../src/chain.js';
import { pureHashes, useHashes } from '../src/hashes.js';
import { nodeHashes } from '../src/node-hashes.js';
import { KIND, recordDigest } from '../src/record.js';
import type { Policy } from '../src/policy.js';
import { emptyScope } from '../src/scope.js';
import { REASONS, SETTLEMENT_REASONS } from '../src/verdict.js';
import { HISTORY_ROWS } from './history.js';
import { encodeParts, Log, makeKey, set, type Parts, type Range } from './make.js';
import { broken, changed, checkRows, chunk, flipped, judge, note, place, type Row } from './rows.js';

const OWN = makeKey(1);
const OTHER = makeKey(2);
const ID = new Uint8Array(32).fill(0xee);

const newLog = (): Log => new Log(OWN).genesis();
const three = (): Log => newLog().intent().outcome(1);
const THREE = three();
const PINNED: Policy = { key: OWN.pem, reference: THREE.checkpoint() };

/** The usual log, or another, whose parts were changed before they were encoded. */
function brokenThree(change: (parts: Parts) => void, log = THREE, range: Range = {}, openings = log.openings): Uint8Array {
  return broken(change, log, range, openings);
}

const opening = (parts: Parts): Value[] => chunk(parts, 3)[0] as Value[];
const twoLabels: (fields: ValueMap) => void = set({ 18: ['a', 'bb'], 19: new Map([['a', 0n], ['bb', 0n]]) });

const STEP_1_AND_2: Row[] = [
  { why: 'an empty file', bundle: new Uint8Array(0), reason: 'not-a-bundle', index: null, exit: 4 },
  { why: 'text', bundle: encodeUtf8('hello, hello'), reason: 'not-a-bundle', index: null, exit: 4 },
  { why: 'another magic', bundle: brokenThree((p) => (p.header[1] = 'oar-bundlf')), reason: 'not-a-bundle', index: null, exit: 4 },
  { why: 'a long head for 0', bundle: concat(Uint8Array.of(0x86, 0x18, 0), THREE.bundle().slice(2)), reason: 'not-a-bundle', index: null, exit: 4 },
  { why: 'version 2', bundle: brokenThree((p) => (p.header[2] = 2n)), reason: 'unsupported-version', index: null, exit: 4 },
  { why: 'a header that ends before its version', bundle: THREE.bundle().slice(0, 13), reason: 'malformed-bundle', index: 0 },
  ...['38', '39', '3a', '3b', '3f', 'd8', 'd9', 'da', 'db', 'f8', 'f9', 'fa', 'fb', 'ff', 'f900', '1c', '5f'].map(
    (hex): Row => ({ why: `a header that ends in its version, after ${hex}, which begins nothing of the profile`, bundle: cutAfter(hex), reason: 'unsupported-version', index: null, exit: 4 }),
  ),
  ...['18', '1b00', '58', '79', '9a', 'bb'].map((hex): Row => ({ why: `a header that ends in its version, after ${hex}`, bundle: cutAfter(hex), reason: 'malformed-bundle', index: 0 })),
  { why: 'a header of 7', bundle: brokenThree((p) => p.header.push(0n)), reason: 'malformed-bundle', index: 0 },
  { why: 'a log id of 31 bytes', bundle: brokenThree((p) => (p.header[3] = ID.slice(1))), reason: 'malformed-bundle', index: 0 },
  { why: 'first + count above 2^53 − 1', bundle: brokenThree((p) => (p.header[4] = 2n ** 53n)), reason: 'malformed-bundle', index: 0 },
  { why: 'no records', bundle: brokenThree((p) => (p.header[5] = 0n)), reason: 'no-records', index: 0 },
  { why: 'no records, and first above 2^53 − 1', bundle: brokenThree((p) => p.header.splice(4, 2, 2n ** 53n, 0n)), reason: 'no-records', index: 0 },
  { why: 'no records, and a header of 7', bundle: brokenThree((p) => p.header.splice(5, 1, 0n, 0n)), reason: 'malformed-bundle', index: 0 },
  { why: 'a header of 2', bundle: brokenThree((p) => p.header.splice(2)), reason: 'unsupported-version', index: null, exit: 4 },
  { why: 'a header of 1', bundle: brokenThree((p) => p.header.splice(1)), reason: 'not-a-bundle', index: null, exit: 4 },
  { why: 'two keys', bundle: brokenThree((p) => (p.keys[1] = [OWN.publicKey.spki, OWN.publicKey.spki])), reason: 'malformed-bundle', index: 0 },
  { why: 'a key of another algorithm', bundle: brokenThree((p) => (p.keys[1] = [flipped(OWN.publicKey.spki, 16)])), reason: 'malformed-bundle', index: 0 },
  { why: 'left where first is 0', bundle: brokenThree((p) => (p.left = [2n, [ID]])), reason: 'malformed-bundle', index: 2 },
  { why: 'no left where first is 1', bundle: brokenThree((p) => (p.left = undefined), THREE, { first: 1 }), reason: 'malformed-bundle', index: 1 },
  { why: 'left with one hash too many', bundle: brokenThree((p) => (p.left![1] as Value[]).push(ID), THREE, { first: 1 }), reason: 'malformed-bundle', index: 1 },
  { why: 'a record too few', bundle: brokenThree((p) => chunk(p, 1).pop()), reason: 'malformed-bundle', index: 2 },
  { why: 'a record over 60 KiB', bundle: brokenThree((p) => (chunk(p, 1)[1] = new Uint8Array(61_441))), reason: 'malformed-bundle', index: 1 },
  { why: 'a signature over 8,192', bundle: brokenThree((p) => (chunk(p, 2)[1] = new Uint8Array(8193))), reason: 'malformed-bundle', index: 1 },
  { why: 'a signature too few', bundle: brokenThree((p) => chunk(p, 2).pop()), reason: 'malformed-bundle', index: 2 },
  { why: 'an empty label', bundle: brokenThree((p) => (opening(p)[1] = '')), reason: 'malformed-bundle', index: 2 },
  { why: 'an opening twice', bundle: brokenThree((p) => chunk(p, 3).push(opening(p))), reason: 'malformed-bundle', index: 2 },
  { why: 'a value over 1 MiB', bundle: brokenThree((p) => (opening(p)[3] = new Uint8Array(1_048_577))), reason: 'malformed-bundle', index: 2 },
  { why: 'a part 6', bundle: brokenThree((p) => (p.right = [6n, [ID]])), reason: 'malformed-bundle', index: 3 },
  { why: 'an empty right', bundle: brokenThree((p) => (p.right = [4n, []])), reason: 'malformed-bundle', index: 3 },
  { why: 'right with 65 hashes', bundle: brokenThree((p) => (p.right = [4n, Array(65).fill(ID)])), reason: 'malformed-bundle', index: 3 },
  { why: 'a note over 8,192', bundle: brokenThree((p) => (p.checkpoint[1] = new Uint8Array(8193))), reason: 'malformed-bundle', index: 3 },
  { why: 'a byte after the checkpoint', bundle: concat(THREE.bundle(), Uint8Array.of(0)), reason: 'malformed-bundle', index: 3 },
  { why: 'no checkpoint', bundle: brokenThree((p) => (p.checkpoint = [])).slice(0, -1), reason: 'malformed-bundle', index: 3 },
];

const RECORDS: Row[] = [
  { why: 'an empty record', bundle: brokenThree((p) => (chunk(p, 1)[1] = new Uint8Array(0))), reason: 'malformed-record', index: 1 },
  ...([
    ['a field 20', set({ 20: 0n })],
    ['version 2', set({ 1: 2n })],
    ['no prev', set({ 4: undefined })],
    ['no clock', set({ 5: undefined })],
    ['kind 18', set({ 7: 18n })],
    ['class 5', set({ 8: [5n, ID] })],
    ['a policy digest of 31 bytes', set({ 9: [ID.slice(1), 1n] })],
    ['an empty action', set({ 10: '' })],
    ['an action of 65 bytes', set({ 10: 'é'.repeat(32) + 'x' })],
    ['no causes in field 11', set({ 11: [] })],
    ['a cause at its own index', set({ 11: [[1n, new Uint8Array(64)]] })],
    ['empty facts', set({ 12: new Map() })],
    ['65 facts', set({ 12: new Map(Array.from({ length: 65 }, (_, i) => [`${i}`, 0n])) })],
    ['a fact in a fact in a fact', set({ 12: new Map([['a', [[0n]]]]) })],
    ['a fact that is a map', set({ 12: new Map([['a', new Map()]]) })],
    ['a commitment of 33 bytes', set({ 13: new Map([['prompt', new Uint8Array(33)]]) })],
    ['an outcome code in an intent', set({ 15: 0n })],
    ['a sealed intent', set({ 16: 1n })],
    ['mode 2', set({ 16: 2n })],
    ['critical labels out of order', set({ 18: ['bb', 'a'], 19: new Map([['a', 0n], ['bb', 0n]]) })],
    ['a critical label that is not in field 19', set({ 18: ['c'], 19: new Map([['a', 0n]]) })],
    ['an extension with an integer key', set({ 19: new Map([['a', new Map([[1n, 0n]])]]) })],
  ] as const).map(([why, change]) => ({ why, bundle: newLog().intent(change).bundle(), reason: 'malformed-record', index: 1 })),
  { why: 'a reserved kind', bundle: newLog().add(4).bundle(), reason: 'unsupported-kind', index: 1, exit: 4 },
  { why: 'a reserved kind, sealed', bundle: newLog().add(4, [[16n, 1n]]).bundle(), reason: 'malformed-record', index: 1 },
  { why: 'a critical extension', bundle: newLog().intent(twoLabels).bundle(), reason: 'unsupported-extension', index: 1, exit: 4 },
  { why: 'a record of another log', bundle: newLog().intent(set({ 2: ID })).bundle(), reason: 'log-id', index: 1 },
  { why: 'a genesis that is not the header’s', bundle: brokenThree((p) => (p.header[3] = ID)), reason: 'log-id', index: 0 },
  { why: 'a genesis that names a log', bundle: new Log(OWN).genesis(set({ 2: ID })).bundle(), reason: 'log-id', index: 0 },
  { why: 'an intent at index 0', bundle: new Log(OWN).intent().bundle(), reason: 'genesis', index: 0 },
  { why: 'a second genesis', bundle: newLog().genesis().bundle(), reason: 'genesis', index: 1 },
  { why: 'an index skipped', bundle: newLog().intent(set({ 3: 2n })).bundle(), reason: 'index', index: 1 },
  { why: 'another record before', bundle: newLog().intent(set({ 4: new Uint8Array(64) })).bundle(), reason: 'prev', index: 1 },
  { why: 'two records in each other’s place', bundle: brokenThree((p) => chunk(p, 1).push(...chunk(p, 1).splice(1, 1))), reason: 'index', index: 1 },
  { why: 'a record changed', bundle: brokenThree((p) => (chunk(p, 1)[1] = changed(chunk(p, 1)[1], set({ 10: 'x' })))), reason: 'signature', index: 1 },
  { why: 'a record after terminal', bundle: newLog().add(KIND.terminal).intent().bundle(), reason: 'after-terminal', index: 2 },
  { why: 'an outcome of no intent', bundle: newLog().outcome(0).bundle(), reason: 'pairing-order', index: 1 },
  { why: 'a second outcome', bundle: three().outcome(1).bundle(), reason: 'pairing-order', index: 3 },
  { why: 'a second outcome, in the beginning of a log', bundle: three().outcome(1).intent().bundle({ count: 4 }), reason: 'pairing-order', index: 3 },
  ...([
    ['size', 4n],
    ['root', ID],
    ['signatures', new Uint8Array(64)],
    ['signatures', 'text'],
  ] as const).map(([fact, value]) => ({
    why: `a seal with another ${fact}`,
    bundle: three().seal((fields) => (fields.get(12n) as Map<string, Value>).set(fact, value)).bundle(),
    reason: 'seal',
    index: 3,
  })),
];

const SIGNATURES: Row[] = [
  { why: 'a signature stripped', bundle: brokenThree((p) => (chunk(p, 2)[1] = new Uint8Array(0))), reason: 'signing-mode', index: 1 },
  { why: 'a sealed record with a signature', bundle: brokenThree((p) => (chunk(p, 2)[1] = THREE.cose(1)), newLog().add(KIND.detail)), reason: 'signing-mode', index: 1 },
  { why: 'an unprotected header', bundle: brokenThree((p) => (chunk(p, 2)[1] = flipped(chunk(p, 2)[1], 72))), reason: 'malformed-signature', index: 1 },
  { why: 'a signature one byte short', bundle: brokenThree((p) => (chunk(p, 2)[1] = THREE.cose(1).slice(0, -1))), reason: 'malformed-signature', index: 1 },
  { why: 'a key that is not trusted', bundle: THREE.bundle(), policy: { key: OTHER.pem }, reason: 'unknown-key', index: 0 },
  { why: 'a key id that is not trusted', bundle: THREE.bundle(), policy: { keyId: toHex(OTHER.publicKey.id) }, reason: 'unknown-key', index: 0 },
  { why: 'a record of another key', bundle: brokenThree((p) => (chunk(p, 2)[1] = otherKeyLog().cose(1, OTHER)), otherKeyLog()), reason: 'unknown-key', index: 1 },
  { why: 'a sealed record of another key', bundle: newLog().add(KIND.detail, [[17n, ID]]).bundle(), reason: 'unknown-key', index: 1 },
  { why: 'the signature of another record', bundle: brokenThree((p) => (chunk(p, 2)[1] = chunk(p, 2)[2]!)), reason: 'signature', index: 1 },
  { why: 'a signature changed', bundle: brokenThree((p) => (chunk(p, 2)[0] = flipped(chunk(p, 2)[0], 3000))), reason: 'signature', index: 0 },
  { why: 'another value opened', bundle: brokenThree((p) => (opening(p)[3] = encodeUtf8('other'))), reason: 'opening', index: 1 },
  { why: 'a label that is not committed to', bundle: brokenThree((p) => (opening(p)[1] = 'promp')), reason: 'opening', index: 1 },
  { why: 'an opening of no record of the chunk', bundle: brokenThree((p) => (opening(p)[0] = 2n ** 64n - 1n)), reason: 'opening', index: 2n ** 64n - 1n },
  ...(['key', 'next', 'recovery'] as const).map((fact) => ({
    why: `a genesis with another ${fact}`,
    bundle: new Log(OWN).genesis((fields) => (fields.get(12n) as Map<string, Value>).set(fact, ID.slice(1))).bundle(),
    reason: 'genesis-key',
    index: 0,
  })),
];

const CHECKPOINTS: Row[] = [
  { why: 'no LF at the end', bundle: brokenThree(note((text) => text.trimEnd())), reason: 'malformed-checkpoint', index: 3 },
  { why: 'two origins', bundle: brokenThree(note((text) => text.replace(toHex(THREE.id), toHex(ID)))), reason: 'malformed-checkpoint', index: 3 },
  { why: 'a byte after a checkpoint that is none', bundle: concat(brokenThree(note((text) => text.trimEnd())), Uint8Array.of(0)), reason: 'malformed-bundle', index: 3 },
  { why: 'another log', bundle: brokenThree(note((text) => text.replaceAll(toHex(THREE.id), toHex(ID)))), reason: 'checkpoint-origin', index: 3 },
  { why: 'another key', bundle: brokenThree(note(() => THREE.checkpoint(3, OTHER))), reason: 'checkpoint-key', index: 3 },
  { why: 'another size', bundle: brokenThree(note((text) => text.replace('\n3\n', '\n4\n'))), reason: 'root', index: 3 },
  { why: 'a smaller size', bundle: brokenThree(note(() => THREE.checkpoint(2))), reason: 'root', index: 3 },
  { why: 'another right', bundle: brokenThree((p) => (p.right![1] as Value[])[0] = ID, THREE, { count: 2 }, []), reason: 'root', index: 2 },
  { why: 'a right too many', bundle: brokenThree((p) => (p.right = [4n, [ID]])), reason: 'root', index: 3 },
  { why: 'another left', bundle: brokenThree((p) => (p.left![1] as Value[])[0] = ID, THREE, { first: 2 }, []), reason: 'root', index: 3 },
  { why: 'a signature of another size', bundle: brokenThree(note((text) => text.replace(/ \S+\n$/, / \S+\n$/.exec(THREE.checkpoint(2))![0]))), reason: 'checkpoint-signature', index: 3 },
  { why: 'the last record dropped', bundle: newLog().intent().bundle(), policy: PINNED, reason: 'truncated', index: 2 },
  { why: 'the log rebuilt', bundle: newLog().intent(set({ 5: 1n })).outcome(1).bundle(), policy: PINNED, reason: 'fork', index: 3 },
  { why: 'the log rebuilt, and longer', bundle: newLog().intent(set({ 5: 1n })).outcome(1).intent().bundle(), policy: PINNED, reason: 'fork', index: 4 },
  { why: 'another log of the same key', bundle: new Log(OWN).genesis(set({ 5: 1n })).bundle(), policy: PINNED, reason: 'fork', index: 1 },
];

const LONGER = three().intent();
const OUTCOMES: Row[] = [
  { why: 'a pinned log', bundle: THREE.bundle({}, THREE.openings), policy: PINNED, reason: null, index: null, exit: 0 },
  { why: 'a log pinned by SIZE:ROOT and key id', bundle: THREE.bundle(), policy: { keyId: toHex(OWN.publicKey.id), reference: `3:${toHex(THREE.root(3))}` }, reason: null, index: null, exit: 0 },
  { why: 'seals and sealed records', bundle: sealed().bundle(), policy: { key: OWN.pem, reference: sealed().checkpoint() }, reason: null, index: null, exit: 0 },
  { why: 'a part that begins between seals', bundle: sealed().bundle({ first: 2 }), policy: { key: OWN.pem, require: ['inclusion'] }, reason: null, index: null, exit: 0 },
  { why: 'one record, inclusion alone', bundle: LONGER.bundle({ first: 1, count: 1 }), policy: { key: OWN.pem, require: ['integrity', 'authenticity', 'inclusion'] }, reason: null, index: null, exit: 0 },
  { why: 'an outcome whose intent the bundle does not hold', bundle: LONGER.bundle({ first: 2, count: 1 }), policy: { key: OWN.pem, require: ['pairing'] }, reason: null, index: null, exit: 0 },
  { why: 'a second outcome, in a part that begins later', bundle: three().outcome(1).bundle({ first: 1 }), policy: { key: OWN.pem, require: ['pairing'] }, reason: null, index: null, exit: 0 },
  { why: 'no reference', bundle: THREE.bundle(), reason: 'completeness-unwitnessed', index: null, exit: 2 },
  { why: 'no reference, a part of a log', bundle: LONGER.bundle({ first: 1, count: 1 }), reason: 'completeness-unwitnessed', index: null, exit: 2 },
  { why: 'no reference, completeness required', bundle: THREE.bundle(), policy: { key: OWN.pem, require: ['completeness'] }, reason: 'completeness-unwitnessed', index: null, exit: 2 },
  { why: 'no key', bundle: THREE.bundle(), policy: { reference: THREE.checkpoint() }, reason: 'self-asserted-key', index: null, exit: 2 },
  { why: 'no key, integrity alone', bundle: THREE.bundle(), policy: { require: ['integrity'] }, reason: 'self-asserted-key', index: null, exit: 2 },
  { why: 'a longer log', bundle: LONGER.bundle(), policy: PINNED, reason: 'after-reference', index: null, exit: 2 },
  { why: 'a longer log, up to the reference', bundle: LONGER.bundle(), policy: { ...PINNED, upto: 3 }, reason: null, index: null, exit: 0 },
  { why: 'an intent open after the reference', bundle: LONGER.bundle(), policy: { ...PINNED, upto: 3, require: ['pairing'] }, reason: 'open-intents', index: null, exit: 2 },
  { why: 'an intent closed after the reference', bundle: THREE.bundle(), policy: { key: OWN.pem, reference: THREE.checkpoint(2), upto: 2, require: ['pairing'] }, reason: null, index: null, exit: 0 },
  { why: 'a part of a log, against a smaller reference', bundle: LONGER.bundle({ first: 1, count: 1 }), policy: { key: OWN.pem, reference: THREE.checkpoint(2), require: ['consistency'] }, reason: 'partial', index: null, exit: 2 },
  { why: 'a part of a log, consistency alone', bundle: LONGER.bundle({ first: 1, count: 1 }), policy: { key: OWN.pem, reference: LONGER.checkpoint(), require: ['consistency'] }, reason: null, index: null, exit: 0 },
  { why: 'a part of a log', bundle: LONGER.bundle({ first: 1, count: 1 }), policy: { key: OWN.pem, reference: LONGER.checkpoint() }, reason: 'partial', index: null, exit: 2 },
  { why: 'the time required', bundle: THREE.bundle(), policy: { ...PINNED, require: ['time'] }, reason: 'operator-claimed', index: null, exit: 2 },
  { why: 'an intent without outcome', bundle: LONGER.bundle(), policy: { key: OWN.pem, require: ['pairing'] }, reason: 'open-intents', index: null, exit: 2 },
  { why: 'a key that is none', bundle: THREE.bundle(), policy: { key: 'no key' }, reason: 'misuse-key', index: null, exit: 64 },
  { why: 'a reference that is none', bundle: THREE.bundle(), policy: { reference: 'no note' }, reason: 'misuse-reference', index: null, exit: 64 },
  { why: 'a reference of another key', bundle: THREE.bundle(), policy: { key: OWN.pem, reference: THREE.checkpoint(3, OTHER) }, reason: 'misuse-reference', index: null, exit: 64 },
  { why: 'a reference not by the bundle’s key', bundle: THREE.bundle(), policy: { reference: THREE.checkpoint(3, OTHER) }, reason: 'misuse-reference', index: null, exit: 64 },
  { why: 'a reference not by the key that is named by its id', bundle: THREE.bundle(), policy: { keyId: toHex(OWN.publicKey.id), reference: THREE.checkpoint(3, OTHER) }, reason: 'misuse-reference', index: null, exit: 64 },
  { why: 'a reference of another key, and no bundle', bundle: encodeUtf8('hello, hello'), policy: { key: OWN.pem, reference: THREE.checkpoint(3, OTHER) }, reason: 'not-a-bundle', index: null, exit: 4 },
  { why: 'a reference not by the bundle’s key, and no bundle', bundle: encodeUtf8('hello, hello'), policy: { reference: THREE.checkpoint(3, OTHER) }, reason: 'not-a-bundle', index: null, exit: 4 },
  { why: 'a reference not by the bundle’s key, and a step that fails', bundle: brokenThree(note(() => THREE.checkpoint(3, OTHER))), policy: { reference: THREE.checkpoint(3, OTHER) }, reason: 'checkpoint-key', index: 3 },
  { why: 'an axis that is none', bundle: THREE.bundle(), policy: { ...PINNED, require: ['inclusion', 'luck'] }, reason: 'misuse-require', index: null, exit: 64 },
  { why: 'up to another size', bundle: THREE.bundle(), policy: { ...PINNED, upto: 2 }, reason: 'misuse-upto', index: null, exit: 64 },
];

const ROWS = [...STEP_1_AND_2, ...RECORDS, ...SIGNATURES, ...CHECKPOINTS, ...OUTCOMES];

checkRows('verdict: every row', ROWS, { key: OWN.pem });

test('verdict: every reason code has a row', () => {
  // Step 9 needs 65,537 records: the test below asks the chain itself.
  // Those of settlements are in the vectors: a chain in miniature is a long thing to make twice.
  const elsewhere: readonly string[] = ['too-many-open', ...SETTLEMENT_REASONS];
  const missing = REASONS.filter((reason) => !elsewhere.includes(reason) && ![...ROWS, ...HISTORY_ROWS].some((row) => row.reason === reason));
  assert.deepEqual(missing, []);
});

test('verdict: too-many-open', (context) => {
  // So many records are hashed by what is fastest; everything else here by what is everywhere.
  useHashes(nodeHashes);
  context.after(() => useHashes(pureHashes));
  const log = newLog();
  const chain = new Chain({ logId: log.id, first: 0, count: 70_000 }, [], new Set());
  assert.equal(typeof chain.accept(0, log.records[0]!), 'object');
  let before = log.records[0]!;
  const fields = decode(before) as ValueMap;
  set({ 2: log.id, 7: 1n, 12: undefined })(fields);
  for (let index = 1; index <= 65_537; index += 1) {
    set({ 3: BigInt(index), 4: recordDigest(before) })(fields);
    before = encode(fields);
    const answer = chain.accept(index, before);
    if (index <= 65_536) assert.equal(typeof answer, 'object', `${index}: ${String(answer)}`);
    else assert.equal(answer, 'too-many-open');
  }
});

test('verdict: of several failures in a chunk, the lowest index, then the lowest step', () => {
  const bundle = brokenThree((parts) => {
    chunk(parts, 1)[2] = new Uint8Array(0);
    chunk(parts, 2)[1] = flipped(chunk(parts, 2)[1], 3000);
  });
  assert.deepEqual(place(judge(bundle, PINNED)), ['signature', 1, 14]);
  // The encoding breaks at record 2, but record 1 failed before it.
  const cut = brokenThree((parts) => {
    chunk(parts, 1)[1] = new Uint8Array(0);
    chunk(parts, 1)[2] = new Uint8Array(61_441);
  });
  assert.deepEqual(place(judge(cut, PINNED)), ['malformed-record', 1, 3]);
  // Steps 14 and 16 both fail at index 0.
  const genesis = new Log(OWN).genesis((fields) => (fields.get(12n) as Map<string, Value>).delete('next'));
  const both = brokenThree((parts) => (chunk(parts, 2)[0] = flipped(chunk(parts, 2)[0], 3000)), genesis);
  assert.deepEqual(place(judge(both, PINNED)), ['signature', 0, 14]);
});

test('verdict: the scope sentence', () => {
  const [log, key] = [toHex(THREE.id), toHex(OWN.publicKey.id)].map((id) => [id, id.slice(-2)] as const);
  const of = `of log ${log![0].slice(0, 4)}…${log![1]} under key ${key![0].slice(0, 2)}…${key![1]}`;
  const short = newLog().intent();
  const many = newLog();
  while (many.records.length < 18) many.intent();
  const FIRST_16 = '1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16';
  const cases: [Uint8Array, Policy, string][] = [
    [THREE.bundle(), PINNED, `records 0–2 ${of}; complete against the checkpoint of size 3; later records not covered`],
    [THREE.bundle(), { key: OWN.pem }, `records 0–2 ${of}; no checkpoint to compare with, completeness not established (completeness-unwitnessed); later records not covered`],
    [LONGER.bundle(), PINNED, `records 0–2 ${of}; consistent with the checkpoint of size 3, completeness not established (after-reference); intents without outcome: 3; later records not covered`],
    [LONGER.bundle({ first: 1, count: 1 }), PINNED, `record 1 ${of}; not compared with the checkpoint of size 3, completeness not established (partial); intents without outcome: 1; earlier and later records not covered`],
    [many.bundle(), { key: OWN.pem, reference: many.checkpoint() }, `records 0–17 ${of}; complete against the checkpoint of size 18; intents without outcome: ${FIRST_16}, …; later records not covered`],
    [brokenThree((p) => (chunk(p, 1)[1] = new Uint8Array(0))), PINNED, `records 0–2 ${of}; nothing is covered: malformed-record at index 1, step 3`],
    [short.bundle(), PINNED, `records 0–1 ${of}; nothing is covered: truncated, have 2 < 3 at index 2, step 20`],
    [new Uint8Array(0), PINNED, 'nothing is covered: not-a-bundle, step 1'],
    [THREE.bundle(), { keys: [OWN.pem, 'hello'] }, 'wrong usage: key 2 of 2, “hello”, is no key: give a public key of ML-DSA-65 as PEM, from -----BEGIN PUBLIC KEY----- on, or a key id of 64 hexadecimal digits'],
  ];
  for (const [bundle, policy, text] of cases) assert.equal(judge(bundle, policy).scope.text, text);
  const { scope } = judge(new Uint8Array(0), PINNED);
  assert.deepEqual({ ...scope, text: '' }, emptyScope());
});

test('verdict: every cut is refused, at the place where the file ends', () => {
  const bundle = THREE.bundle({}, THREE.openings);
  for (let size = 0; size < bundle.length; size += size < 100 ? 1 : 97) {
    const { exit, reason, index } = judge(bundle.subarray(0, size), PINNED, size + 1, () => true);
    const expected = size < 13 ? [4, 'not-a-bundle'] : [1, 'malformed-bundle'];
    assert.deepEqual([exit, reason], expected, `cut at ${size}: index ${index}`);
  }
});

test('verdict: a bundle of two chunks', () => {
  const log = newLog();
  while (log.records.length < 1030) log.add(KIND.detail);
  log.seal();
  const good = judge(log.bundle(), { key: OWN.pem, reference: log.checkpoint() });
  assert.equal(good.verdict, 'VERIFIED', JSON.stringify(good.reason));
  const bad = brokenThree((parts) => (parts.chunks[1]![1] as Value[]).reverse(), log);
  assert.deepEqual(place(judge(bad, PINNED)), ['index', 1024, 5]);
  const cutAtChunk = encodeParts({ ...log.parts(), chunks: log.parts().chunks.slice(0, 1) });
  assert.deepEqual(place(judge(cutAtChunk, PINNED)), ['malformed-bundle', 1030, 2]);
});

/** Everything before the version, and these bytes. */
function cutAfter(hex: string): Uint8Array {
  return concat(THREE.bundle().slice(0, 13), fromHex(hex)!);
}

function otherKeyLog(): Log {
  return newLog().intent(set({ 17: OTHER.publicKey.id }));
}

/** Two seals, with records of both modes before, between and after them. */
function sealed(): Log {
  return newLog().add(KIND.detail).intent().seal().add(KIND.detail).add(KIND.heartbeat).outcome(2).seal().add(KIND.terminal);
}
