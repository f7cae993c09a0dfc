/** The command as it is called: exit codes, the text and the JSON. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { concat, fromBase64, join as joined, toBase64, toHex } from '../src/bytes.js';
import { encode } from '../src/cbor.js';
import { Log, makeKey, set, statement } from './make.js';
import { readVectors, type ForkVector } from './vectors.js';

const folder = mkdtempSync(join(tmpdir(), 'oar-verify-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const [next, recovery] = [makeKey(2), makeKey(9)];
const begin = (): Log => new Log(makeKey(1), { next, recovery }).genesis().intent();
const log = begin().outcome(1);
const bundle = write('case.oar', log.bundle({}, log.openings));
const key = write('operator.pub', log.key.pem);
const nextKey = write('next.pub', next.pem);
const pin = write('pin.txt', log.checkpoint());
const cut = write('cut.oar', log.bundle().slice(0, -1));
const text = write('text.oar', 'hello, hello');
const keyId = toHex(log.key.publicKey.id);
const root = toHex(log.root(3));
const revocation = write('stolen.revocation', encode(statement(log, log.key, { effective: 2 }, next)));
const json = (name: string, policy: object): string => write(name, JSON.stringify(policy));
const policy = json('policy.json', { keys: [keyId], references: [{ checkpoint: log.checkpoint(2), received: 1_795_420_800_000 }], require: ['inclusion'] });
const witnessed = json('witnessed.json', { keys: [log.key.pem], references: [{ checkpoint: log.checkpoint(), received: 1_795_420_800_000 }], require: ['time'], skew_ms: 5 });
const revoking = json('revoking.json', { keys: [keyId], revocations: [toBase64(encode(statement(log, log.key, { effective: 1 }, recovery)))] });
const upto = json('upto.json', { upto: 3, require: ['luck'] });
const misspelt = json('misspelt.json', { key: keyId });
const other = begin().outcome(1, set({ 5: 1n }));
const fork = write('two.fork', encode(other.fork(log.checkpoint(), 3)));
const { content: elements1 } = readVectors<ForkVector>('fork', 'reject').find(({ file }) => file.endsWith('/elements-1.json'))!;
const shortFork = write('short.fork', fromBase64(elements1.fork)!);
const shortForkKey = write('short.pub', elements1.keys.join(''));
const absent = join(folder, 'absent.oar');
const fullKey = write('full.pub', log.key.pem.padEnd(65_536, '\n'));
const longKey = write('long.pub', log.key.pem.padEnd(65_537, '\n'));
const idFile = write('id.pub', keyId);
const idLine = write('id-line.pub', `${keyId}\n`);
const maps = write('maps.revocation', arrayOf(0xa0, 1 << 20));
const longFork = write('long.fork', concat(encode(other.fork(log.checkpoint(), 3)), new Uint8Array(100_000)));

const CALLS: [string[], number, RegExp][] = [
  [['verify', bundle, '--key', key, '--checkpoint', pin], 0, /^VERIFIED\n {2}integrity {5}pass\n/],
  [['verify', bundle, '--key', keyId, '--checkpoint', `3:${root}`, '--upto', '3'], 0, /complete against the checkpoint of size 3; later records not covered\n$/],
  [['verify', bundle, '--key', key, '--require', 'integrity,inclusion', '--json'], 0, /^{"verdict":"VERIFIED","exit":0,"reason":null,"index":null,"step":null,"axes":{"integrity":{"state":"pass"}/],
  [['verify', cut, '--key', key, '--json'], 1, /^{"verdict":"INVALID","exit":1,"reason":"malformed-bundle","index":3,"step":2,/],
  [['verify', bundle], 2, /^STALE self-asserted-key\n/],
  [['verify', text], 4, /^NO VERDICT not-a-bundle\n/],
  [['verify', absent], 4, /^$/],
  [['verify', folder], 4, /^$/],
  [['verify', bundle, '--key', nextKey, '--key', key, '--checkpoint', pin, '--checkpoint', `1:${toHex(log.root(1))}`], 0, /complete against the checkpoint of size 3/],
  [['verify', bundle, '--policy', policy], 0, /not established \(after-reference\)/],
  [['verify', bundle, '--policy', policy, '--checkpoint', pin], 0, /complete against the checkpoint of size 3/],
  [['verify', bundle, '--policy', policy, '--require', 'completeness'], 2, /^STALE after-reference\n/],
  [['verify', bundle, '--policy', witnessed, '--require', 'pairing,disclosure', '--max-age-ms', '9007199254740991'], 0, /^VERIFIED\n/],
  [['verify', bundle, '--policy', policy, '--upto', '2'], 0, /complete against the checkpoint of size 2/],
  [['verify', bundle, '--policy', upto, '--key', key, '--checkpoint', pin, '--require', 'integrity'], 0, /complete against the checkpoint of size 3/],
  [['verify', bundle, '--policy', upto, '--key', key, '--checkpoint', pin], 64, /^NO VERDICT misuse-require\n/],
  [['verify', bundle, '--policy', upto, '--key', key], 64, /^NO VERDICT misuse-upto\n/],
  [['verify', bundle, '--policy', witnessed], 0, /\n {2}time {10}pass\n/],
  [['verify', bundle, '--policy', witnessed, '--max-age-ms', '9007199254740991'], 0, /^VERIFIED\n/],
  [['verify', bundle, '--policy', witnessed, '--max-age-ms', '0'], 2, /^STALE too-old\n/],
  [['verify', bundle, '--policy', revoking], 3, /^REVOKED revoked\n[^]*\n {2}key-status {4}fail {2,}revoked\n[^]*; revoked: 1–2; /],
  [['verify', bundle, '--key', key, '--chain', 'devnet'], 64, /^NO VERDICT misuse-chain\n/],
  [['verify', bundle, '--key', key, '--chain', '7'.repeat(64)], 2, /^STALE completeness-unwitnessed\n/],
  [['verify', bundle, '--key', key, '--revocation', revocation, '--json'], 3, /^{"verdict":"REVOKED","exit":3,"reason":"revoked","index":null,"step":null,.*"revoked":\[\[2,2\]\],"erased":\[\],"settlements":\[\],"text":/],
  [['verify', bundle, '--policy', revoking, '--revocation', revocation], 3, /; revoked: 1–2; /],
  [['verify', bundle, '--revocation', pin], 64, /^NO VERDICT misuse-revocation\n/],
  [['verify', bundle, '--policy', misspelt], 64, /^NO VERDICT misuse-policy\n/],
  [['verify', bundle, '--policy', bundle], 64, /^NO VERDICT misuse-policy\n/],
  [['verify', bundle, '--policy', join(folder, 'absent.json')], 64, /^$/],
  [['verify', bundle, '--max-age-ms', 'old'], 64, /^$/],
  [['verify', fork, '--key', key], 1, /^INVALID fork\n/],
  [['verify', fork, '--policy', witnessed], 1, /^INVALID fork\n/],
  [['verify', fork, '--key', nextKey, '--json'], 1, /^{"verdict":"INVALID","exit":1,"reason":"unknown-key","index":null,"step":3,/],
  [['verify', fork], 64, /^NO VERDICT misuse-key\n/],
  [['verify', longFork, '--key', key], 1, /^INVALID malformed-fork\n/],
  [['verify', shortFork, '--key', shortForkKey], 4, /^NO VERDICT not-a-fork-proof\n/],
  [['verify', shortFork], 64, /^NO VERDICT misuse-key\n/],
  [['verify', absent, '--require', 'luck'], 64, /^NO VERDICT misuse-require\n/],
  [['verify', absent, '--key', key], 4, /^$/],
  [['verify', folder, '--key', pin], 64, /^NO VERDICT misuse-key\n/],
  [['verify', bundle, '--key', fullKey], 2, /^STALE completeness-unwitnessed\n/],
  [['verify', bundle, '--key', longKey], 64, /^NO VERDICT misuse-key\n[^]*\nwrong usage: the key file .*long\.pub is larger than 64 KiB: /],
  // By what a file holds nobody reaches a key id (spec/keys.md "PEM"); `oar` has the same case.
  [['verify', bundle, '--key', idFile], 64, /^NO VERDICT misuse-key\n[^]*\nwrong usage: the key file .*id\.pub holds a key id, and a key file holds PEM: /],
  [['verify', bundle, '--key', idLine], 64, /^NO VERDICT misuse-key\n/],
  [['verify', bundle, '--key', key, '--revocation', maps], 64, /^NO VERDICT misuse-revocation\n/],
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

test('cli: a bundle whose settlement is nothing but items needs no memory for them', () => {
  const { header, keys, chunks, checkpoint } = log.parts();
  // Empty maps, arrays, byte strings and texts: maps are in no form, of the others there are too many.
  for (const item of [0xa0, 0x80, 0x40, 0x60]) {
    // Sixteen mebibytes, the most that a settlement may have.
    const path = write('items.oar', joined([header, keys, [6n, arrayOf(item, 16 << 20)], ...chunks, checkpoint].map((part) => encode(part))));
    const run = spawnSync(process.execPath, ['--max-old-space-size=128', 'dist/cli.js', 'verify', path, '--key', key], { encoding: 'utf8' });
    assert.equal(run.status, 1, `${item}: ${run.stderr}`);
    assert.match(run.stdout, /^INVALID malformed-light-proof\n/, String(item));
  }
});

/** So many bytes: an array whose items are all this byte. */
function arrayOf(item: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(item);
  bytes[0] = 0x9a;
  new DataView(bytes.buffer).setUint32(1, size - 5);
  return bytes;
}
