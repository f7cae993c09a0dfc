#!/usr/bin/env node
/** The command `verify`: reads a bundle or a fork proof and a policy, prints the report, and exits with its code. */
import { closeSync, openSync, readSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { decodeLossy, toBase64 } from './bytes.js';
import { looksLikeFork, verifyFork } from './fork.js';
import { useHashes } from './hashes.js';
import { KEY_FILE_IS_ID, KEY_FILE_SIZE_MAX, KEY_FILE_TOO_LARGE, parseKeyId } from './keys.js';
import { isMisused, MisuseError, orMisused, type Misused } from './misuse.js';
import { nodeHashes } from './node-hashes.js';
import type { Policy } from './policy.js';
import { FILE_SIZE_MAX, parsePolicyFile } from './policyfile.js';
import { parseReference } from './reference.js';
import { emptyScope } from './scope.js';
import { EXIT, misuseReport, toJson, toText, type Report } from './verdict.js';
import { Verifier } from './verify.js';

const USAGE = `usage: verify FILE [--key FILE|KEYID]… [--checkpoint FILE|SIZE:ROOT]… [--require AXIS,…] [--upto N]
              [--policy FILE] [--revocation FILE]… [--chain HEX]… [--max-age-ms N] [--json]
FILE is a bundle or a fork proof. Keys, checkpoints, chains and revocations are added to those of the policy file; the rest replaces what it says.`;
const READ_SIZE = 65_536;
/** A checkpoint is less than 8 KiB and a statement less than 6: of what is larger so much is read, and refused. */
const BROUGHT_SIZE_MAX = 65_536;

/** A wrong usage of the command: exit 64. */
class UsageError extends Error {}

type Call = { path: string; policy: Policy | Misused; json: boolean };

function main(args: string[]): number {
  try {
    const { path, policy, json } = readArguments(args);
    const report = isMisused(policy) ? misuseReport(policy, emptyScope()) : verifyFile(path, policy);
    console.log(json ? toJson(report) : toText(report));
    return report.exit;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n${USAGE}`);
      return EXIT.misuse;
    }
    // The file could not be read: no verdict.
    console.error(error instanceof Error ? error.message : String(error));
    return EXIT.none;
  }
}

function readArguments(args: string[]): Call {
  const { values, positionals } = parseStrictly(args);
  const [verb, path, ...more] = positionals;
  if (verb !== 'verify' || path === undefined || more.length > 0) throw new UsageError('name one file to verify');
  const json = values.json ?? false;
  const file = values.policy === undefined ? {} : parsePolicyFile(readBytes(values.policy, FILE_SIZE_MAX + 1));
  if (isMisused(file)) return { path, policy: file, json };
  const { key = [], checkpoint = [], require, revocation = [], chain = [] } = values;
  const keys = orMisused(() => key.map(keyText));
  if (isMisused(keys)) return { path, policy: keys, json };
  const policy: Policy = {
    ...file,
    keys: [...(file.keys ?? []), ...keys],
    references: [...(file.references ?? []), ...checkpoint.map((given) => ({ checkpoint: checkpointText(given) }))],
    revocations: [...(file.revocations ?? []), ...revocation.map((name) => toBase64(readBytes(name, BROUGHT_SIZE_MAX)))],
    chains: [...(file.chains ?? []), ...chain],
    now_ms: Date.now(),
  };
  if (require !== undefined) policy.require = require.split(',');
  if (values.upto !== undefined) policy.upto = numberOf(values.upto, '--upto takes a number of records');
  if (values['max-age-ms'] !== undefined) policy.max_age_ms = numberOf(values['max-age-ms'], '--max-age-ms takes a number of milliseconds');
  return { path, policy, json };
}

function parseStrictly(args: string[]) {
  const text = { type: 'string' } as const;
  const texts = { type: 'string', multiple: true } as const;
  const options = {
    key: texts,
    checkpoint: texts,
    require: text,
    upto: text,
    policy: text,
    revocation: texts,
    chain: texts,
    'max-age-ms': text,
    json: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function keyText(given: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(given)) return given;
  const bytes = readBytes(given, KEY_FILE_SIZE_MAX + 1);
  if (bytes.length > KEY_FILE_SIZE_MAX) throw new MisuseError('misuse-key', `the key file ${given} ${KEY_FILE_TOO_LARGE}`);
  const text = decodeLossy(bytes);
  // A policy would take it as the id.
  if (parseKeyId(text.trim()) !== undefined) throw new MisuseError('misuse-key', `the key file ${given} ${KEY_FILE_IS_ID}`);
  return text;
}

/** What reads as SIZE:ROOT is one; everything else is the name of a file that holds a note. */
function checkpointText(given: string): string {
  return parseReference(given) ? given : decodeLossy(readBytes(given, BROUGHT_SIZE_MAX));
}

function numberOf(given: string, usage: string): number {
  const number = Number(given);
  if (!/^(0|[1-9][0-9]{0,15})$/.test(given) || !Number.isSafeInteger(number)) throw new UsageError(usage);
  return number;
}

/** The file's first bytes, `sizeMax` at most. */
function readBytes(path: string, sizeMax: number): Uint8Array {
  try {
    const file = openSync(path, 'r');
    try {
      const buffer = new Uint8Array(sizeMax);
      return buffer.subarray(0, fill(file, buffer));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function verifyFile(path: string, policy: Policy): Report {
  const verifier = new Verifier(policy);
  // A policy that cannot be used is said so before the file is looked at, also where it cannot be opened.
  if (!verifier.feed(new Uint8Array(0))) return verifier.finish();
  const file = openSync(path, 'r');
  try {
    const buffer = new Uint8Array(READ_SIZE);
    let size = fill(file, buffer);
    // A fork proof fits into the buffer; a larger file that begins like one is refused for its size.
    if (looksLikeFork(buffer.subarray(0, size))) return verifyFork(buffer.slice(0, size), policy);
    while (size > 0 && verifier.feed(buffer.subarray(0, size))) size = fill(file, buffer);
    return verifier.finish();
  } finally {
    closeSync(file);
  }
}

/** Reads until the buffer is full or the file is over: a pipe gives less at a time. */
function fill(file: number, buffer: Uint8Array): number {
  let size = 0;
  while (size < buffer.length) {
    const more = readSync(file, buffer, size, buffer.length - size, null);
    if (more === 0) break;
    size += more;
  }
  return size;
}

useHashes(nodeHashes);
process.exitCode = main(process.argv.slice(2));
