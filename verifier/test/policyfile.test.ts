/** The policy as a file: which JSON is one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../src/bytes.js';
import { isMisused } from '../src/misuse.js';
import { parsePolicyFile } from '../src/policyfile.js';

const READ: string[] = [
  '{}',
  ' {"keys": []}\n',
  '{"keys":["a","a","\\"upto\\":","1e3","\\ud83d\\ude00\\\\"],"references":[{"checkpoint":"x"},{"checkpoint" : "x"}]}',
  '{"keys":["a","b"],"references":[{"checkpoint":"x","requested":0,"received":9007199254740991},{"checkpoint":"y"}],"require":["time"],"upto":3,"revocations":["AA=="],"max_age_ms":1,"skew_ms":0}',
];

/** What is refused, and what is said to be wrong with it. */
const REFUSED: [string, string][] = [
  ['', 'is not JSON'],
  ['null', 'is no object'],
  ['[]', 'is no object'],
  ['"keys"', 'is no object'],
  ['{"keys":[]', 'is not JSON'],
  ['{"keys":[]}x', 'is not JSON'],
  ['\ufeff{}', 'is not JSON'],
  ['{"Keys":[]}', 'has a member “Keys”, which is none of its form'],
  ['{"now_ms":1}', 'has a member “now_ms”, which is none of its form'],
  ['{"key":"x"}', 'has a member “key”, which is none of its form'],
  ['{"__proto__":{}}', 'has a member “__proto__”, which is none of its form'],
  ['{"\u202e<b>":1}', 'has a member “?<b>”, which is none of its form'],
  ['{"keys":"x"}', 'has a member “keys” that is no list'],
  ['{"keys":[1]}', 'has a member “keys” that has an item, the first, that is no text'],
  ['{"keys":{"0":"x"}}', 'has a member “keys” that is no list'],
  ['{"keys":null}', 'has a member “keys” that is no list'],
  ['{"references":["3:00"]}', 'has a member “references” that has an item, the first, that is no object'],
  ['{"references":[{}]}', 'has a member “references” that has an item, the first, that has no checkpoint'],
  ['{"references":[{"checkpoint":3}]}', 'has an item, the first, that has a member “checkpoint” that is no text'],
  ['{"references":[{"checkpoint":"x","seen":3}]}', 'has an item, the first, that has a member “seen”, which is none of its form'],
  ['{"references":[{"checkpoint":"x"},{"checkpoint":"x","received":"3"}]}', 'has an item, the second, that has a member “received” that is no integer'],
  ['{"require":"time"}', 'has a member “require” that is no list'],
  ['{"upto":-1}', 'has a number “-1”'],
  ['{"upto":1.5}', 'has a number “1.5”'],
  ['{"upto":"3"}', 'has a member “upto” that is no integer from 0 to 2^53 − 1'],
  ['{"upto":9007199254740992}', 'has a member “upto” that is no integer from 0 to 2^53 − 1'],
  ['{"revocations":[[1]]}', 'has a member “revocations” that has an item, the first, that is no text'],
  ['{"max_age_ms":true}', 'has a member “max_age_ms” that is no integer'],
  ['{"skew_ms":1e99}', 'has a number “1e99”, with a sign, a point or an exponent'],
  ['{"skew_ms":1e3}', 'has a number “1e3”'],
  ['{"skew_ms":1.0}', 'has a number “1.0”'],
  ['{"skew_ms":-0}', 'has a number “-0”'],
  ['{"upto":3,"upto":3}', 'has a member “upto” twice'],
  ['{"upto":3,"\\u0075pto":4}', 'has a member “upto” twice'],
  ['{"references":[{"checkpoint":"x","received":1,"received":1}]}', 'has a member “received” twice'],
  ['{"keys":["\\ud800"]}', 'has a text with half of a surrogate pair'],
];

function checkRefused(bytes: Uint8Array, why: string): void {
  const read = parsePolicyFile(bytes);
  assert.ok(isMisused(read) && read.misuse === 'misuse-policy');
  assert.ok(read.why.startsWith('the policy file ') && read.why.includes(why), read.why);
}

test('policy file: what is read', () => {
  for (const text of READ) assert.deepEqual(parsePolicyFile(encodeUtf8(text)), JSON.parse(text), text);
});

test('policy file: what is refused', async (context) => {
  for (const [text, why] of REFUSED) {
    await context.test(text, () => checkRefused(encodeUtf8(text), why));
  }
  checkRefused(Uint8Array.of(0x7b, 0xff, 0x7d), 'is not UTF-8');
  const filled = (size: number): Uint8Array => encodeUtf8('{}'.padEnd(size));
  assert.deepEqual(parsePolicyFile(filled(1_048_576)), {});
  checkRefused(filled(1_048_577), 'is larger than 1 MiB');
});
