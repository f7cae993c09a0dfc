#!/usr/bin/env node
/** The command: `verify case.oar --key operator.pub [--checkpoint FILE|SIZE:ROOT] [--require a,b] [--upto N] [--json]`. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { useHashes } from './hashes.js';
import { nodeHashes } from './node-hashes.js';
import { parseReference, type Policy } from './policy.js';
import { EXIT, toJson, toText, type Report } from './verdict.js';
import { Verifier } from './verify.js';

const USAGE = 'usage: verify BUNDLE [--key FILE|KEYID] [--checkpoint FILE|SIZE:ROOT] [--require AXIS,…] [--upto N] [--json]';
const READ_SIZE = 65_536;

/** A wrong usage of the command: exit 64. */
class UsageError extends Error {}

function main(args: string[]): number {
  try {
    const { path, policy, json } = readArguments(args);
    const report = verifyFile(path, policy);
    console.log(json ? toJson(report) : toText(report));
    return report.exit;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n${USAGE}`);
      return EXIT.misuse;
    }
    // The bundle could not be read: no verdict.
    console.error(error instanceof Error ? error.message : String(error));
    return EXIT.none;
  }
}

function readArguments(args: string[]): { path: string; policy: Policy; json: boolean } {
  const { values, positionals } = parseStrictly(args);
  const [verb, path, ...more] = positionals;
  if (verb !== 'verify' || path === undefined || more.length > 0) throw new UsageError('name one bundle to verify');
  const policy: Policy = {};
  if (values.key !== undefined) {
    if (/^[0-9a-fA-F]{64}$/.test(values.key)) policy.keyId = values.key;
    else policy.key = readText(values.key);
  }
  if (values.checkpoint !== undefined) {
    // What reads as SIZE:ROOT is one; everything else is the name of a file that holds a note.
    policy.reference = parseReference(values.checkpoint) ? values.checkpoint : readText(values.checkpoint);
  }
  if (values.require !== undefined) policy.require = values.require.split(',');
  if (values.upto !== undefined) {
    if (!/^[1-9][0-9]{0,15}$/.test(values.upto)) throw new UsageError('--upto takes a number of records');
    policy.upto = Number(values.upto);
  }
  return { path, policy, json: values.json ?? false };
}

function parseStrictly(args: string[]) {
  const text = { type: 'string' } as const;
  const options = { key: text, checkpoint: text, require: text, upto: text, json: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function verifyFile(path: string, policy: Policy): Report {
  const verifier = new Verifier(policy);
  const file = openSync(path, 'r');
  try {
    const buffer = new Uint8Array(READ_SIZE);
    for (;;) {
      const size = readSync(file, buffer);
      if (size === 0 || !verifier.feed(buffer.subarray(0, size))) return verifier.finish();
    }
  } finally {
    closeSync(file);
  }
}

useHashes(nodeHashes);
process.exitCode = main(process.argv.slice(2));
