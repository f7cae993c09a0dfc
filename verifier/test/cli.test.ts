/** The command as it is called: exit codes, the text and the JSON. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toHex } from '../src/bytes.js';
import { Log, makeKey } from './make.js';

const folder = mkdtempSync(join(tmpdir(), 'oar-verify-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const log = new Log(makeKey(1)).genesis().intent().outcome(1);
const bundle = write('case.oar', log.bundle({}, log.openings));
const key = write('operator.pub', log.key.pem);
const pin = write('pin.txt', log.checkpoint());
const cut = write('cut.oar', log.bundle().slice(0, -1));
const text = write('text.oar', 'hello, hello');
const keyId = toHex(log.key.publicKey.id);
const root = toHex(log.root(3));

const CALLS: [string[], number, RegExp][] = [
  [['verify', bundle, '--key', key, '--checkpoint', pin], 0, /^VERIFIED\n {2}integrity {5}pass\n/],
  [['verify', bundle, '--key', keyId, '--checkpoint', `3:${root}`, '--upto', '3'], 0, /complete against the checkpoint of size 3; later records not covered\n$/],
  [['verify', bundle, '--key', key, '--require', 'integrity,inclusion', '--json'], 0, /^{"verdict":"VERIFIED","exit":0,"reason":null,"index":null,"step":null,"axes":{"integrity":{"state":"pass"}/],
  [['verify', cut, '--key', key, '--json'], 1, /^{"verdict":"INVALID","exit":1,"reason":"malformed-bundle","index":3,"step":2,/],
  [['verify', bundle], 2, /^STALE self-asserted-key\n/],
  [['verify', text], 4, /^NO VERDICT not-a-bundle\n/],
  [['verify', join(folder, 'absent.oar')], 4, /^$/],
  [['verify', folder], 4, /^$/],
  [[], 64, /^$/],
  [['check', bundle], 64, /^$/],
  [['verify', bundle, bundle], 64, /^$/],
  [['verify', bundle, '--loudly'], 64, /^$/],
  [['verify', bundle, '--key', join(folder, 'absent.pub')], 64, /^$/],
  [['verify', bundle, '--key', pin], 64, /^NO VERDICT misuse-key\n/],
  [['verify', bundle, '--key', key, '--checkpoint', key], 64, /^NO VERDICT misuse-reference\n/],
  [['verify', bundle, '--key', key, '--checkpoint', pin, '--upto', '2'], 64, /^NO VERDICT misuse-upto\n/],
  [['verify', bundle, '--key', key, '--upto', 'many'], 64, /^$/],
  [['verify', bundle, '--require', 'luck'], 64, /^NO VERDICT misuse-require\n/],
];

test('cli: every call', async (context) => {
  for (const [args, exit, output] of CALLS) {
    await context.test(`${exit}: ${args.map((arg) => arg.replace(`${folder}/`, '')).join(' ').slice(0, 90)}`, () => {
      const run = spawnSync(process.execPath, ['dist/cli.js', ...args], { encoding: 'utf8' });
      assert.equal(run.status, exit, run.stderr);
      assert.match(run.stdout, output);
      if (args.includes('--json')) JSON.parse(run.stdout);
    });
  }
});
