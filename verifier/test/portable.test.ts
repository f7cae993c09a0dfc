/** The verifier itself runs wherever JavaScript does: only the command and node's hash functions know node. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const OF_NODE = ['cli.ts', 'node-hashes.ts'];

test('portable: nothing of node but where it is named', () => {
  const files = readdirSync('src').filter((name) => name.endsWith('.ts'));
  const known = /['"]node:|\b(Buffer|process)\b/;
  const using = files.filter((name) => known.test(readFileSync(`src/${name}`, 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '')));
  assert.deepEqual(using.filter((name) => !OF_NODE.includes(name)), []);
  // What the test looks for is found where it is.
  assert.deepEqual(using, OF_NODE);
  // And the page imports neither.
  for (const name of readdirSync('page').filter((file) => file.endsWith('.ts'))) {
    assert.doesNotMatch(readFileSync(`page/${name}`, 'utf8'), /node:|\/(cli|node-hashes)\.js'/, name);
  }
});
