/** A log of many sealed records: an intent, its details at a high rate with a seal after each thousand, and the outcome. */
import type { Value } from '../src/cbor.js';
import { KIND, recordDigest } from '../src/record.js';
import { Log, makeKey } from './make.js';

const SEAL_EVERY = 1000;
const INTENT = 1;

/** `count` sealed records of about 500 bytes each, besides the few that are signed. */
export function sealedLog(count: number): Log {
  const log = new Log(makeKey(1)).genesis().intent();
  const cause: Value = [BigInt(INTENT), recordDigest(log.records[INTENT]!)];
  for (let i = 0; i < count; i += 1) {
    if (i > 0 && i % SEAL_EVERY === 0) log.seal();
    const facts = new Map<string, Value>([['token', BigInt(i)], ['logits', new Uint8Array(96).fill(i & 0xff)]]);
    log.add(KIND.detail, [[11n, [cause]], [12n, facts]]);
  }
  return log.seal().outcome(INTENT);
}
