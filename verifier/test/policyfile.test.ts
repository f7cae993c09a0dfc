/** The policy as a file: which JSON is one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../src/bytes.js';
import { parsePolicyFile } from '../src/policyfile.js';

const READ: string[] = [
  '{}',
  ' {"keys": []}\n',
  '{"keys":["a","a","\\"upto\\":","1e3","\\ud83d\\ude00\\\\"],"references":[{"checkpoint":"x"},{"checkpoint" : "x"}]}',
  '{"keys":["a","b"],"references":[{"checkpoint":"x","requested":0,"received":9007199254740991},{"checkpoint":"y"}],"require":["time"],"upto":3,"revocations":["AA=="],"max_age_ms":1,"skew_ms":0}',
];

const REFUSED: string[] = [
  '',
  'null',
  '[]',
  '"keys"',
  '{"keys":[]',
  '{"keys":[]}x',
  '\ufeff{}',
  '{"Keys":[]}',
  '{"now_ms":1}',
  '{"key":"x"}',
  '{"__proto__":{}}',
  '{"keys":"x"}',
  '{"keys":[1]}',
  '{"keys":{"0":"x"}}',
  '{"keys":null}',
  '{"references":["3:00"]}',
  '{"references":[{}]}',
  '{"references":[{"checkpoint":3}]}',
  '{"references":[{"checkpoint":"x","seen":3}]}',
  '{"references":[{"checkpoint":"x","received":"3"}]}',
  '{"require":"time"}',
  '{"upto":-1}',
  '{"upto":1.5}',
  '{"upto":"3"}',
  '{"upto":9007199254740992}',
  '{"revocations":[[1]]}',
  '{"max_age_ms":true}',
  '{"skew_ms":1e99}',
  '{"skew_ms":1e3}',
  '{"skew_ms":1.0}',
  '{"skew_ms":-0}',
  '{"upto":3,"upto":3}',
  '{"upto":3,"\\u0075pto":4}',
  '{"references":[{"checkpoint":"x","received":1,"received":1}]}',
  '{"keys":["\\ud800"]}',
];

test('policy file: what is read', () => {
  for (const text of READ) assert.deepEqual(parsePolicyFile(encodeUtf8(text)), JSON.parse(text), text);
});

test('policy file: what is refused', async (context) => {
  for (const text of REFUSED) {
    await context.test(text, () => assert.equal(parsePolicyFile(encodeUtf8(text)), 'misuse-policy'));
  }
  assert.equal(parsePolicyFile(Uint8Array.of(0x7b, 0xff, 0x7d)), 'misuse-policy', 'not UTF-8');
  const filled = (size: number): Uint8Array => encodeUtf8('{}'.padEnd(size));
  assert.deepEqual(parsePolicyFile(filled(1_048_576)), {});
  assert.equal(parsePolicyFile(filled(1_048_577)), 'misuse-policy', 'over 1 MiB');
});
