/** What the page's worker keeps of each record: read without building the record, and the same as what building it gives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visible } from '../page/dom.js';
import { Doubles, Ints } from '../page/numbers.js';
import { stateOf } from '../page/record-view.js';
import { ERASED_FIELDS_MAX, OPENINGS_OF_ONE_MAX, Rows } from '../page/rows.js';
import { skim } from '../page/skim.js';
import type { Filter, Only } from '../page/messages.js';
import { fromHex } from '../src/bytes.js';
import { encodeUtf8 } from '../src/bytes.js';
import { decode, encode, type Value, type ValueMap } from '../src/cbor.js';
import { KIND, parseRecord, recordDigest } from '../src/record.js';
import { AXES, PASS, type Axes, type Report } from '../src/verdict.js';
import { emptyScope, type Scope } from '../src/scope.js';
import { Log, makeKey } from './make.js';
import { seeded } from './tamper.js';
import { readVectors } from './vectors.js';

test('skim: the same as decoding, on every record of the vectors', () => {
  for (const side of ['accept', 'reject'] as const) {
    for (const { file, content } of readVectors<{ record: string }>('record', side)) {
      const bytes = fromHex(content.record)!;
      const seen = skim(bytes);
      if (typeof parseRecord(bytes) === 'string') continue;
      const fields = decode(bytes) as ValueMap;
      const [actorClass] = fields.get(8n) as bigint[];
      const causes = ((fields.get(11n) ?? []) as Value[][]).map(([index]) => Number(index));
      const number = (key: bigint): number | undefined => (fields.has(key) ? Number(fields.get(key)) : undefined);
      const expected = { time: number(5n), kind: number(7n), actorClass: Number(actorClass), action: encodeUtf8(fields.get(10n) as string), causes, intent: fields.get(14n), outcome: number(15n), mode: number(16n) };
      assert.deepEqual(seen, expected, file);
    }
  }
});

test('skim: never throws and always ends, whatever the bytes', () => {
  const record = new Log(makeKey(1)).genesis().intent().records[1]!;
  for (let i = 0; i < 5000; i += 1) {
    const broken = record.slice(0, 1 + (seeded(3 * i) % record.length));
    broken[seeded(3 * i + 1) % broken.length] = seeded(3 * i + 2) & 0xff;
    skim(broken);
  }
  for (const hex of ['', 'bf', 'bbffffffffffffffff', `a1089b${'ff'.repeat(8)}`, `a1045b${'ff'.repeat(8)}`, 'a10bb9ffff']) assert.equal(skim(fromHex(hex)!), undefined, hex);
});

const log = new Log(makeKey(1)).genesis().intent().outcome(1).intent();
log.add(KIND.detail, [[11n, [[1n, new Uint8Array(64)], [3n, recordDigest(log.records[3]!)]]]]);
log.erase(1, ['prompt']);
log.seal();

function rows(first = 0): Rows {
  const kept = new Rows();
  kept.first = first;
  let end = 100;
  for (let index = first; index < log.records.length; index += 1) {
    end += log.records[index]!.length;
    kept.add(index, log.records[index]!, end, recordDigest(log.records[index]!));
    kept.sign(index, log.signatures[index]!.length);
  }
  kept.openField({ index: BigInt(first + 1), label: 'prompt', salt: new Uint8Array(32), value: new Uint8Array(300) }, 9000);
  return kept;
}

function report(more: Partial<Report>, scope: Partial<Scope> = {}): Report {
  const axes = Object.fromEntries(AXES.map((axis) => [axis, PASS])) as Axes;
  return { verdict: 'VERIFIED', exit: 0, reason: null, index: null, step: null, axes, scope: { ...emptyScope(), first: 0, last: 6, ...scope }, ...more };
}

test('rows: lineage, openings, erasures and seals', () => {
  const kept = rows();
  const good = report({});
  assert.deepEqual([kept.row(1, good).partner, kept.row(2, good).partner, kept.row(3, good).partner], [2, 1, null]);
  assert.deepEqual(kept.effectsOf(1, 10), { rows: [4], count: 1 });
  assert.deepEqual([kept.ancestorsOf(4), kept.ancestorsOf(2), kept.ancestorsOf(0)], [[1, 3], [1], []]);
  assert.deepEqual([kept.sealAfter(4), kept.sealAfter(6)], [6, undefined]);
  assert.deepEqual(kept.erasedOf(1), [{ label: 'prompt', by: 5 }]);
  assert.deepEqual(kept.openingsOf(1), [{ label: 'prompt', value: [8700, 9000], salt: [8665, 8697] }]);
  assert.deepEqual(kept.place(0), [100, 100 + log.records[0]!.length]);
  assert.deepEqual([kept.signatureSize(1), kept.signatureSize(4)], [3386, 0]);
  assert.equal(kept.totals().openIntents, 1);
  assert.equal(rows(3).row(1, good).partner, null, 'causes and intents before the bundle are not followed');
  assert.deepEqual(rows(3).ancestorsOf(1), [0]);
});

test('rows: all openings of a record are counted, and no more shown than a record can have', () => {
  const kept = rows();
  const field = (index: bigint, label: string) => ({ index, label, salt: new Uint8Array(32), value: new Uint8Array(1) });
  for (let i = 0; i < 100; i += 1) kept.openField(field(1n, `field-${i}`), 9000 + 50 * i);
  kept.openField(field(2n, 'prompt'), 20_000);
  assert.deepEqual([0, 1, 2, 3].map((row) => kept.row(row, report({})).opened), [0, 101, 1, 0]);
  assert.deepEqual([0, 1, 2, 3].map((row) => kept.openingsOf(row).length), [0, OPENINGS_OF_ONE_MAX, 1, 0]);
  // Of a field that is not among those that are shown nobody says that it is not opened.
  const states = (row: number, labels: string[]) => labels.map((label) => stateOf(label, kept.openingsOf(row), kept.row(row, report({})).opened, kept.erasedOf(row)));
  assert.deepEqual(states(1, ['prompt', 'field-62', 'field-63', 'field-99']), ['opened', 'opened', 'not shown', 'not shown']);
  assert.deepEqual(states(2, ['prompt', 'field-0']), ['opened', 'not opened']);
  assert.equal(stateOf('prompt', [], 65, kept.erasedOf(1)), 'erased');
});

test('rows: which records the list holds, and how they are marked', () => {
  const kept = rows();
  const listed = (filter: Partial<Filter>, of = report({})): number[] => kept.list({ kind: null, action: null, only: 'all', ...filter }, 0, of).rows.map(({ index }) => index);
  const only = (name: Only, of?: Report): number[] => listed({ only: name }, of);
  assert.deepEqual(listed({}), [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(listed({ kind: KIND.intent }), [1, 3]);
  assert.deepEqual([only('open'), only('opened'), only('erased'), only('sealed'), only('failed')], [[3], [1], [1], [4], []]);
  assert.deepEqual(only('outside', report({}, { last: 3 })), [4, 5, 6]);
  assert.deepEqual(only('revoked', report({ verdict: 'REVOKED', exit: 3 }, { revoked: [[2, 4]] })), [2, 3, 4]);
  const bad = report({ verdict: 'INVALID', exit: 1, reason: 'prev', index: 2, step: 6 });
  assert.deepEqual(only('failed', bad), [2]);
  assert.deepEqual(kept.list({ kind: null, action: null, only: 'all' }, 9, bad).rows.map(({ mark }) => mark), ['unjudged', 'unjudged', 'failed', 'unjudged', 'unjudged', 'unjudged', 'unjudged']);
  // What is no record is listed as one that cannot be read.
  kept.add(7, encode([1n]), 9999, undefined);
  assert.deepEqual([kept.row(7, bad).kind, kept.row(7, bad).action, kept.row(7, bad).time], [null, null, null]);
});

test('rows: of erasures those that the verifier takes, and no more than there is room for', () => {
  const labels = Array.from({ length: 64 }, (_, i) => `field-${10 + i}`);
  const [genesis, most, more] = new Log(makeKey(1)).genesis().erase(0, labels).erase(0, [...labels, 'field-74']).records;
  const digest = recordDigest(most!);
  const kept = new Rows();
  kept.add(0, genesis!, 0, digest);
  kept.add(1, most!, 0, undefined);
  kept.add(2, more!, 0, digest);
  assert.deepEqual(kept.erasedOf(0), [], 'neither of a record that failed or came after one that did, nor of one label more than there may be');
  const cutAt = 3 + ERASED_FIELDS_MAX / labels.length;
  for (let index = 3; index <= cutAt + 1; index += 1) kept.add(index, most!, 0, digest);
  assert.deepEqual([kept.erasedOf(0).length, kept.totals().cutAt], [ERASED_FIELDS_MAX, cutAt]);
});

test('numbers: they grow, and are found', () => {
  for (const list of [new Ints(), new Doubles()]) {
    for (let i = 0; i < 5000; i += 1) list.push(2 * i);
    assert.deepEqual([list.length, list.at(4999), list.at(5000)], [5000, 9998, -1]);
    assert.deepEqual([list.search(0), list.search(7), list.search(9998), list.search(9999)], [0, 4, 4999, 5000]);
  }
});

test('visible: what hides is shown by its number', () => {
  assert.equal(visible('a\u202eb\u0000c\u2028\td'), 'a⟨U+202E⟩b⟨U+0000⟩c⟨U+2028⟩⟨U+0009⟩d');
  assert.equal(visible('a\n\tb\r', '\n\t'), 'a\n\tb⟨U+000D⟩');
});
