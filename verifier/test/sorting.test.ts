/** What the page takes a dropped file for, and which keys it finds in a text: by the rules that the commands go by. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdsKeyId, keysOf, sortOf, type Sort } from '../page/sorting.js';
import { concat, decodeLossy, encodeUtf8, toHex } from '../src/bytes.js';
import { encode } from '../src/cbor.js';
import { KIND } from '../src/record.js';
import { Log, makeKey } from './make.js';

const [KEY, OTHER] = [makeKey(1), makeKey(2)];
const [BEGIN, END] = ['-----BEGIN PUBLIC KEY-----', '-----END PUBLIC KEY-----'];
const log = new Log(KEY).genesis().intent();
const withKey = (): Log => new Log(OTHER).genesis().add(KIND.intent, [[12n, new Map([['note', `\n${OTHER.pem}`]])]]);
const ID = toHex(KEY.publicKey.id);
/** The head and the first two elements of another array, and a key after them. */
const begun = (head: number[], name: string): Uint8Array => concat(Uint8Array.from(head), encode(name), encodeUtf8(`\n${OTHER.pem}`));

const SORTS: [Uint8Array | string, Sort, string][] = [
  [log.bundle(), 'bundle', 'a bundle'],
  [withKey().bundle(), 'bundle', 'a bundle with a key in PEM in one of its records'],
  [begun([0x87, 0], 'oar-bundle'), 'bundle', 'a bundle of another form that has a key in it'],
  [begun([0x86], 'oar-fork'), 'bundle', 'a fork proof that has a key in it'],
  [encode(log.fork(log.checkpoint(1), 1)), 'bundle', 'a fork proof'],
  [concat(Uint8Array.of(0), encodeUtf8(`\n${OTHER.pem}`)), 'bundle', 'a key after a byte that is in no text'],
  ['', 'bundle', 'nothing'],
  ['hello', 'bundle', 'some text'],
  [KEY.pem, 'key', 'a key'],
  [KEY.pem.replaceAll('\n', '\r\n'), 'key', 'a key with CRLF'],
  [`é\n${KEY.pem}`, 'key', 'a key after a word'],
  [concat(Uint8Array.of(0xff), encodeUtf8(`\n${OTHER.pem}`)), 'key', 'a key after a word in Latin-1'],
  [` ${ID}\n`, 'key', 'a key id, to be refused as one'],
  [KEY.pem.replaceAll('\n', ''), 'key', 'a key in one line, to be refused as one'],
  [concat(encodeUtf8(KEY.pem), Uint8Array.of(0xc3)), 'key', 'a key, and a character that is cut'],
  [log.checkpoint(), 'checkpoint', 'a note'],
  [`3:${'ab'.repeat(32)}`, 'checkpoint', 'SIZE:ROOT'],
  [JSON.stringify({ keys: [KEY.pem] }), 'policy', 'a policy with a key in it'],
  [' {', 'policy', 'a policy that is none'],
];

test('sorting: a file goes where what it holds belongs', async (context) => {
  for (const [content, sort, why] of SORTS) {
    const bytes = typeof content === 'string' ? encodeUtf8(content) : content;
    await context.test(`${sort}: ${why}`, () => assert.equal(sortOf(bytes, decodeLossy(bytes)), sort));
  }
});

test('sorting: the keys in a text', () => {
  const block = (pem: string): string => pem.trimEnd();
  const several: [string, string[], string][] = [
    ['', [], 'nothing'],
    [' \n\t', [], 'blanks'],
    [`  ${ID}\n`, [ID], 'a key id'],
    [KEY.pem, [KEY.pem], 'a key, as it is'],
    [KEY.pem + OTHER.pem, [block(KEY.pem), block(OTHER.pem)], 'two keys'],
    [`${KEY.pem}\n \n  ${ID} ${ID}\n${OTHER.pem}`, [block(KEY.pem), ID, ID, block(OTHER.pem)], 'keys and ids'],
    [`${ID}\n${ID}`, [ID, ID], 'two ids'],
  ];
  for (const [text, keys, why] of several) assert.deepEqual(keysOf(text), keys, why);
  const one: [string, string][] = [
    ['hello', 'no key'],
    [`The key of the operator:\n${KEY.pem}${OTHER.pem}`, 'a word before them'],
    [`${KEY.pem}and\n${OTHER.pem}`, 'a word between them'],
    [`${KEY.pem}${OTHER.pem}${ID.slice(1)}`, 'a word after them'],
    [`${KEY.pem.trimEnd()} ${OTHER.pem}`, 'an end and a beginning in one line, which are no markers'],
    [`${KEY.pem.trimEnd()}${OTHER.pem}`, 'the same without a blank'],
    [`${KEY.pem}key: ${OTHER.pem}`, 'a beginning with a word before it'],
    [`${KEY.pem}${OTHER.pem.replace(END, '')}`, 'a block without its end'],
    [`${KEY.pem}${OTHER.pem.replace(BEGIN, '')}`, 'a block without its beginning'],
  ];
  for (const [text, why] of one) assert.deepEqual(keysOf(text), [text], why);
});

test('sorting: a file is one key at most', () => {
  const one: [string, string[], string][] = [
    [' \n\t', [], 'blanks'],
    [`  ${ID}\n`, [`  ${ID}\n`], 'a key id, which is refused'],
    [KEY.pem, [KEY.pem], 'a key'],
    [KEY.pem + OTHER.pem, [KEY.pem + OTHER.pem], 'two keys, of which the first is read'],
    [`${ID}\n${ID}`, [`${ID}\n${ID}`], 'two ids, which are refused as one'],
  ];
  for (const [text, keys, why] of one) assert.deepEqual(keysOf(text, true), keys, why);
  assert.deepEqual([ID, ` ${ID}\n`, `${ID} ${ID}`, KEY.pem, ''].map(holdsKeyId), [true, true, false, false, false]);
});
