/** What the readers of CBOR, base64, PEM and checkpoint notes refuse, and the tree against its definition. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8, equal, fromBase64, fromHex, toBase64, toHex } from '../src/bytes.js';
import { decode, decodeForm, encode, Malformed, type Value } from '../src/cbor.js';
import { parseCheckpoint } from '../src/checkpoint.js';
import { parsePem } from '../src/keys.js';
import { Frontier, leafHash, rootOfPath } from '../src/merkle.js';
import { parseReference } from '../src/reference.js';
import { Log, makeKey } from './make.js';

const REFUSED: [string, string][] = [
  ['', 'no item'],
  ['0000', 'a second item'],
  ['1817', '23 in two bytes'],
  ['1900ff', '255 in three bytes'],
  ['1a0000ffff', '65,535 in five bytes'],
  ['1b00000000ffffffff', '2^32 − 1 in nine bytes'],
  ['18', 'an argument cut short'],
  ['1c', 'reserved length 28'],
  ['1f', 'an indefinite integer'],
  ['5f4100ff', 'an indefinite byte string'],
  ['9fff', 'an indefinite array'],
  ['bfff', 'an indefinite map'],
  ['20', 'a negative integer'],
  ['39', 'a negative integer cut short'],
  ['c000', 'a tag'],
  ['f4', 'false'],
  ['f6', 'null'],
  ['f7', 'undefined'],
  ['f93c00', 'a half float'],
  ['fa3f800000', 'a float'],
  ['4200', 'a byte string cut short'],
  ['5bffffffffffffffff', 'a byte string of 2^64 − 1'],
  ['9bffffffffffffffff', 'an array of 2^64 − 1'],
  ['bbffffffffffffffff00', 'a map of 2^64 − 1'],
  ['61ff', 'a text that is not UTF-8'],
  ['62c080', 'an overlong form'],
  ['63eda080', 'a surrogate'],
  ['8200', 'an array cut short'],
  ['a10000a1', 'bytes after a map'],
  ['a200000000', 'a key twice'],
  ['a201000000', 'keys out of order'],
  ['a262616100616200', 'a longer text key before a shorter one'],
  ['a2616200616100', 'text keys out of order'],
  ['a1410000', 'a byte string as a key'],
  ['a18000', 'an array as a key'],
  ['818181818181818180', 'nine arrays deep'],
  ['a100a100a100a100a100a100a100a100a0', 'nine maps deep'],
];

test('cbor: what is refused', async (context) => {
  for (const [hex, why] of REFUSED) {
    await context.test(`${why}: ${hex}`, () => assert.throws(() => decode(fromHex(hex)!), Malformed));
  }
});

test('cbor: what is read is what was written', () => {
  const values: Value[] = [0n, 23n, 24n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 64n - 1n, '', 'é', '\ufeffbom'];
  values.push(new Uint8Array(0), new Uint8Array(300), [], [1n, [2n]], new Map<string, Value>([['b', 1n], ['aa', 2n]]));
  values.push(new Map<bigint, Value>([[24n, 1n], [1n, 2n]]), Array.from({ length: 60_000 }, () => 0n));
  for (const value of values) {
    const bytes = encode(value);
    assert.deepEqual(encode(decode(bytes)), bytes);
  }
  assert.equal(toHex(encode(new Map<string, Value>([['aa', 2n], ['b', 1n]]))), 'a261620162616102');
  assert.equal(toHex(encode(2n ** 64n - 1n)), '1bffffffffffffffff');
  assert.doesNotThrow(() => decode(fromHex('8181818181818180')!), 'eight arrays deep');
});

test('cbor: a form has no maps, and so many items', () => {
  const three = encode(['a', [0n]]);
  assert.deepEqual(decodeForm(three, 4), ['a', [0n]]);
  assert.throws(() => decodeForm(three, 3), Malformed);
  assert.throws(() => decodeForm(encode([new Map()]), 2), Malformed);
  assert.throws(() => decodeForm(encode(new Map()), 1), Malformed);
});

test('base64: only the canonical spelling', () => {
  assert.deepEqual(fromBase64('AAE='), Uint8Array.of(0, 1));
  for (const text of ['AAE', 'AAF=', 'AAE==', 'AA E=', 'AAE=\n', 'AA-_', 'A', '=', 'AAE=AAE=', 'AAÉ=']) {
    assert.equal(fromBase64(text), undefined, JSON.stringify(text));
  }
});

/** The same cases as in foundations/proof/src/key.rs. */
test('pem: the form of the specification, whatever its white space', () => {
  const { pem, publicKey } = makeKey(1);
  const [begin, end] = ['-----BEGIN PUBLIC KEY-----', '-----END PUBLIC KEY-----'];
  const body = pem.split('\n').slice(1, -2).join('');
  const wrap = (text: string): string => `${begin}\n${text}\n${end}\n`;
  const eachLine = (edit: (line: string) => string): string => pem.trimEnd().split('\n').map(edit).join('');
  const lines = (text: string): string => text.match(/.{1,64}/g)!.join('\n');
  const good: [string, string][] = [
    [pem, 'as it is written'],
    [pem.trimEnd(), 'no LF at the end'],
    [pem.replaceAll('\n', '\r\n'), 'CRLF'],
    [wrap(body), 'one long line'],
    [wrap(body.match(/.{1,76}/g)!.join('\n')), 'lines of 76'],
    [wrap(body.split('').join('\n')), 'lines of 1'],
    [eachLine((line) => `${line} \t\n`), 'white space at the end of every line'],
    [eachLine((line) => `\t  ${line}\n`), 'white space at the beginning of every line'],
    [eachLine((line) => `${line}\n\n \n`), 'empty lines'],
    [eachLine((line) => `\f${line}\r\r\n`), 'form feeds and carriage returns'],
    [wrap(body.replaceAll('A', ' A\t')), 'white space within the lines'],
    [`The key of the operator:\n\n${pem}\nand no more.\n`, 'text around it'],
    [`${end}\nx${begin}\n${pem}`, 'markers before it that begin nothing'],
    [pem.replaceAll('PUBLIC', 'PRIVATE') + pem, 'a block of another label before it'],
    [pem + makeKey(2).pem, 'a second key after it'],
  ];
  for (const [text, why] of good) assert.deepEqual(parsePem(text)?.id, publicKey.id, why);
  const bad: [string, string][] = [
    ['', 'nothing'],
    [pem.replaceAll('PUBLIC', 'PRIVATE'), 'another label'],
    [pem.replace(end, ''), 'no end'],
    [pem.replace(begin, ''), 'no beginning'],
    [pem.replace('\n', '\nComment: x\n'), 'a header'],
    [pem.replaceAll('\n', ''), 'all in one line'],
    [pem.replaceAll('\n', ' '), 'all in one line, with spaces'],
    [pem.replaceAll('\n', '\r'), 'carriage returns alone'],
    [pem.replace(`${begin}\n`, begin), 'base64 on the line of the first marker'],
    [pem.replace(`\n${end}`, end), 'base64 on the line of the last marker'],
    [`key: ${pem}`, 'words before the first marker'],
    [`${pem.trimEnd()} end\n`, 'words after the last marker'],
    [`\ufeff${pem}`, 'a byte order mark'],
    [`\u00a0${pem}`, 'a no-break space before the first marker'],
    [`\v${pem}`, 'a vertical tab before the first marker'],
    [pem.replaceAll('PUBLIC KEY', 'PUBLIC  KEY'), 'a second space in the markers'],
    [pem.replaceAll('PUBLIC KEY', 'public key'), 'small letters'],
    [pem.replace(begin, `${begin}\n${begin}`), 'the first marker twice'],
    [pem.replace('MII', 'MII\u00a0'), 'a no-break space in the base64'],
    [wrap(body.slice(0, -1)), 'base64 cut short'],
    [`${begin}\n${end}\n`, 'an empty block'],
    [wrap(lines(toBase64(publicKey.spki.slice(0, -1)))), 'a byte short'],
    [wrap(lines(toBase64(Uint8Array.of(...publicKey.spki, 0)))), 'a byte long'],
    [wrap(lines(toBase64(flip(publicKey.spki, 16)))), 'another algorithm'],
    [wrap(lines(`${body.slice(0, -1)}*`)), 'no base64'],
  ];
  for (const [text, why] of bad) assert.equal(parsePem(text), undefined, why);
});

test('checkpoint note: only the form of the specification', () => {
  const log = new Log(makeKey(1)).genesis();
  const note = log.checkpoint();
  assert.ok(parseCheckpoint(encodeUtf8(note)));
  const other = '0'.repeat(64);
  const id = toHex(log.id);
  const last = note.length - 4;
  const bad: [string, string][] = [
    ['', 'nothing'],
    [note.trimEnd(), 'no LF at the end'],
    [`${note}\n`, 'a line after'],
    [note + note.slice(note.indexOf('—')), 'a second signature line'],
    [note.replaceAll('\n', '\r\n'), 'CRLF'],
    [`\ufeff${note}`, 'a byte order mark'],
    [note.replace('\n1\n', '\n01\n'), 'a leading zero'],
    [note.replace('\n1\n', '\n0\n'), 'size 0'],
    [note.replace('\n1\n', '\n-1\n'), 'a negative size'],
    [note.replace('\n1\n', '\n9007199254740992\n'), 'size 2^53'],
    [note.replace('\n1\n', '\n99999999999999999\n'), 'a size of 17 digits'],
    [note.replace('—', '-'), 'a hyphen'],
    [note.replace(id, id.toUpperCase()), 'upper-case hex'],
    [note.replace(id, other), 'two origins, the first another'],
    [note.replace(`— mickai.log/${id}`, `— mickai.log/${other}`), 'two origins, the second another'],
    [note.replace('mickai.log/', 'mickai.logs/'), 'another origin'],
    [`${note.slice(0, last)}B==\n`, 'pad bits that are not zero'],
    [note.replace('\n\n', '\n'), 'no empty line'],
    [note.replace('\n\n', '\nmore\n\n'), 'a fourth line of text'],
  ];
  for (const [text, why] of bad) assert.equal(parseCheckpoint(encodeUtf8(text)), undefined, why);
  const bytes = encodeUtf8(note);
  bytes[20] = 0xff;
  assert.equal(parseCheckpoint(bytes), undefined, 'not UTF-8');
});

test('reference: a note, or SIZE:ROOT', () => {
  const root = 'ab'.repeat(32);
  for (const text of [`3:${root}`, `3:${root}\n`]) assert.equal(parseReference(text)?.size, 3);
  for (const text of ['', root, `0:${root}`, `03:${root}`, `3:${root}0`, `3:${root}\n\n`, `3:${root} `, `9007199254740992:${root}`, `-3:${root}`]) {
    assert.equal(parseReference(text), undefined, text);
  }
});

test('tree: every range of every tree of up to 20 leaves gives the root of the definition', () => {
  const log = new Log({ ...makeKey(1), sign: () => new Uint8Array(3309) }).genesis();
  while (log.records.length < 20) log.add(12);
  for (let size = 1; size <= 20; size += 1) {
    for (let first = 0; first < size; first += 1) {
      for (let end = first + 1; end <= size; end += 1) {
        const parts = log.parts({ first, count: end - first, size });
        const right = (parts.right?.[1] ?? []) as Uint8Array[];
        const tree = new Frontier(first, (parts.left?.[1] ?? []) as Uint8Array[]);
        for (const record of log.records.slice(first, end)) tree.append(leafHash(record));
        assert.ok(equal(tree.rootWith(end, right, size)!, log.root(size)), `${first} to ${end} of ${size}`);
        assert.equal(tree.rootWith(end, [...right, new Uint8Array(32)], size), undefined, 'one hash too many');
        if (right.length > 0) assert.equal(tree.rootWith(end, right.slice(1), size), undefined, 'one hash too few');
      }
    }
  }
});

test('tree: every path of every tree of up to 20 leaves leads to its root, and no other does', () => {
  const log = new Log({ ...makeKey(1), sign: () => new Uint8Array(3309) }).genesis();
  while (log.records.length < 20) log.add(12);
  const other = new Uint8Array(32);
  for (let size = 1; size <= 20; size += 1) {
    for (let index = 0; index < size; index += 1) {
      const [leaf, path, root] = [leafHash(log.records[index]!), log.path(index, size), log.root(size)];
      assert.deepEqual(rootOfPath(leaf, BigInt(index), size, path), root, `${index} of ${size}`);
      assert.equal(rootOfPath(leaf, BigInt(index), size, [...path, other]), undefined, 'one hash too many');
      if (path.length > 0) assert.equal(rootOfPath(leaf, BigInt(index), size, path.slice(1)), undefined, 'one hash too few');
    }
    // The last leaf's path does not lead from a place after it.
    assert.equal(rootOfPath(leafHash(log.records[size - 1]!), BigInt(size), size, log.path(size - 1, size)), undefined);
  }
});

function flip(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
}
