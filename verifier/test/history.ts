/** Logs whose keys change, fall into other hands and are taken back: what the verifier must say of each. */
import { sha3_512 } from '@noble/hashes/sha3.js';
import { encodeUtf8, toBase64, toHex } from '../src/bytes.js';
import { encode, type Value } from '../src/cbor.js';
import { KIND, recordDigest } from '../src/record.js';
import type { Policy } from '../src/policy.js';
import { Log, makeKey, rotationMessage, set, setFacts, stated, statement, type KeyPair } from './make.js';
import { broken, changed, chunk, event, flipped, keyList, note, type Row } from './rows.js';

export const [K1, K2, K3, RECOVERY, STRANGER] = [1, 2, 3, 9, 66].map(makeKey) as [KeyPair, KeyPair, KeyPair, KeyPair, KeyPair];
export const TRUST: Policy = { key: K1.pem };
const ID = new Uint8Array(32).fill(0xee);
/** What record `index` claims as its time (make.ts). */
export const claimed = (index: number): number => 1_795_420_800_000 + index;

const begun = (): Log => new Log(K1, { next: K2, recovery: RECOVERY }).genesis().intent().outcome(1);
/** Records 0 to 3 by the first key, the last of them the rotation; 4 and 5 by the second. */
const rotated = (): Log => begun().rotate({ key: K2, next: K3, recovery: RECOVERY }).intent().outcome(4);
const BEGUN = begun();
export const ROTATED = rotated();
/** Two rotations, at 3 and 6, and an older key revoked at 8. */
const TWICE = rotated().rotate({ key: K3 }).intent().revoke(K1, { effective: 4 }).outcome(7);
/** The first key is stolen: what it signed from 3 on is not the operator's, who takes the log back at 5. */
const taken = (worth: { effective: number; since?: number }, by = RECOVERY): Log =>
  begun().intent().outcome(3).revoke(K1, worth, { key: by, next: K3, recovery: STRANGER }).intent();
const TAKEN = taken({ effective: 3 });

export const pinned = (log: Log, more: Policy = {}): Policy => ({ ...TRUST, reference: log.checkpoint(), ...more });
const verified = (why: string, log: Log, policy: Policy = pinned(log)): Row => ({ why, bundle: log.bundle(), policy, reason: null, exit: 0 });
const PART: Policy = { ...TRUST, require: ['integrity', 'authenticity', 'inclusion'] };
const base64 = (items: Value[]): string => toBase64(encode(items));

const ROTATIONS: Row[] = [
  { ...verified('a rotation', ROTATED), text: / under keys [0-9a-f]{2}…[0-9a-f]{2} to [0-9a-f]{2}…[0-9a-f]{2}; complete against the checkpoint of size 6;/ },
  verified('a rotation, under the second key', ROTATED, { key: K2.pem, reference: ROTATED.checkpoint() }),
  verified('a rotation, under the id of the second key', ROTATED, { keyId: toHex(K2.publicKey.id), reference: ROTATED.checkpoint() }),
  verified('a rotation, and notes of before and after it', ROTATED, { ...TRUST, references: [ROTATED.checkpoint(6), ROTATED.checkpoint(3)].map((checkpoint) => ({ checkpoint })) }),
  verified('a rotation that is the last record', begun().rotate({ key: K2 })),
  verified('a rotation at once after another', begun().rotate({ key: K2, next: K3 }).rotate({ key: K3 })),
  { ...verified('two rotations, and an older key revoked', TWICE), axes: { 'key-status': 'pass' }, revoked: [] },
  verified('seals on both sides of a rotation', begun().seal().rotate({ key: K2 }).add(KIND.detail).seal()),
  { why: 'a part after a rotation', bundle: ROTATED.bundle({ first: 4 }), policy: PART, reason: null, exit: 0, axes: { 'key-status': 'partial', completeness: 'partial' } },
  { why: 'a part before a rotation', bundle: ROTATED.bundle({ first: 1, count: 2 }), policy: PART, reason: null, exit: 0 },
  { why: 'a part around a rotation', bundle: ROTATED.bundle({ first: 2, count: 3 }), policy: PART, reason: null, exit: 0 },
  { why: 'the beginning, and a rotation after it', bundle: ROTATED.bundle({ count: 2 }), policy: PART, reason: null, exit: 0 },
  { why: 'a part between two rotations and a revoke', bundle: TWICE.bundle({ first: 5, count: 1 }), policy: PART, reason: null, exit: 0 },
  { why: 'a part of the time before the rotation', bundle: ROTATED.bundle({ count: 2, size: 3 }), policy: PART, reason: null, exit: 0, text: / under key / },
  { why: 'stolen key forges a rotation', bundle: begun().rotate({ key: STRANGER }).bundle(), reason: 'pre-rotation', index: 3 },
  { why: 'a rotation to the recovery key', bundle: begun().rotate({ key: RECOVERY }).bundle(), reason: 'pre-rotation', index: 3 },
  { why: 'a rotation that commits to another recovery', bundle: begun().rotate({ key: K2, recovery: STRANGER }).bundle(), reason: 'pre-rotation', index: 3 },
  { why: 'a rotation that the new key did not sign', bundle: begun().rotate({ key: K2 }, undefined, K1.sign(rotationOf(begun()))).bundle(), reason: 'rotation-proof', index: 3 },
  { why: 'the proof of a rotation at another index', bundle: begun().intent().rotate({ key: K2 }, undefined, K2.sign(rotationOf(begun()))).bundle(), reason: 'rotation-proof', index: 4 },
  { why: 'a proof that commits to another next', bundle: begun().rotate({ key: K2, next: K3 }, setFacts({ next: ID })).bundle(), reason: 'rotation-proof', index: 3 },
  ...(['key', 'next', 'recovery', 'proof'] as const).flatMap((fact): Row[] => [
    { why: `a rotation without ${fact}`, bundle: begun().rotate({ key: K2 }, setFacts({ [fact]: undefined })).bundle(), reason: 'key-event', index: 3 },
    { why: `a rotation with a short ${fact}`, bundle: begun().rotate({ key: K2 }, setFacts({ [fact]: ID.slice(1) })).bundle(), reason: 'key-event', index: 3 },
  ]),
  { why: 'a rotation that the new key signed', bundle: begun().rotate({ key: K2 }, set({ 17: K2.publicKey.id })).bundle(), reason: 'malformed-signature', index: 3 },
  { why: 'a record of the old key after a rotation', bundle: signedBy(K1, 4), reason: 'unknown-key', index: 4 },
  { why: 'a record of the new key before a rotation', bundle: signedBy(K2, 2), reason: 'unknown-key', index: 2 },
  { why: 'a checkpoint of the old key', bundle: broken(note(() => ROTATED.checkpoint(6, K1)), ROTATED), reason: 'checkpoint-key', index: 6 },
  { why: 'whole log under keys that are not trusted', bundle: ROTATED.bundle(), policy: { key: STRANGER.pem }, reason: 'unknown-key', index: 0 },
];

const LISTS: Row[] = [
  { why: 'the new key is not listed', bundle: broken((p) => keyList(p).pop(), ROTATED), reason: 'key-history', index: 3 },
  { why: 'another key is listed after the first', bundle: broken((p) => keyList(p).splice(1, 0, K3.publicKey.spki), ROTATED), reason: 'key-history', index: 3 },
  { why: 'a key that never came into force', bundle: broken((p) => keyList(p).push(K3.publicKey.spki), ROTATED), reason: 'key-history', index: 6 },
  { why: 'a trusted key that never came into force', bundle: broken((p) => keyList(p).push(K1.publicKey.spki), new Log(STRANGER).genesis().intent()), reason: 'key-history', index: 2 },
  { why: 'a key that never came into force, and a byte after the checkpoint', bundle: new Uint8Array([...broken((p) => keyList(p).push(K3.publicKey.spki), ROTATED), 0]), reason: 'key-history', index: 6 },
  { why: 'genesis names another key than the one that signs it', bundle: new Log(K1).genesis(setFacts({ key: K2.publicKey.spki })).bundle(), reason: 'genesis-key', index: 0 },
  { why: 'the keys in another order', bundle: broken((p) => keyList(p).reverse(), ROTATED), reason: 'unknown-key', index: 0 },
  { why: 'a key twice', bundle: broken((p) => keyList(p).push(K1.publicKey.spki), ROTATED), reason: 'malformed-bundle', index: 0 },
  { why: 'no keys', bundle: broken((p) => keyList(p).splice(0), ROTATED), reason: 'malformed-bundle', index: 0 },
  { why: '257 keys', bundle: broken((p) => (p.keys[1] = Array<Value>(257).fill(ID)), ROTATED), reason: 'malformed-bundle', index: 0 },
  { why: 'an empty list of events', bundle: broken((p) => p.keys.push([]), ROTATED), reason: 'malformed-bundle', index: 0 },
  { why: '257 events', bundle: broken((p) => (p.keys[2] = Array<Value>(257).fill(event(p, 0))), ROTATED, { first: 4 }), reason: 'malformed-bundle', index: 4 },
  { why: 'a fourth item in keys', bundle: broken((p) => p.keys.push(0n), ROTATED, { first: 4 }), reason: 'malformed-bundle', index: 4 },
  { why: 'an event of five items', bundle: broken((p) => event(p, 0).push(0n), ROTATED, { first: 4 }), reason: 'malformed-bundle', index: 4 },
  { why: 'events out of order', bundle: broken((p) => (p.keys[2] as Value[]).reverse(), ROTATED, { first: 4 }), reason: 'malformed-bundle', index: 4 },
  { why: 'events out of order after genesis', bundle: broken((p) => (p.keys[2] as Value[]).push(...(p.keys[2] as Value[]).splice(1, 1)), TWICE, { first: 9 }), reason: 'malformed-bundle', index: 9 },
  { why: 'an event twice', bundle: broken((p) => (p.keys[2] as Value[]).splice(1, 0, event(p, 1)), TWICE, { first: 9 }), reason: 'malformed-bundle', index: 9 },
  { why: 'an event in the range', bundle: broken((p) => (event(p, 1)[0] = 4n), ROTATED, { first: 4 }), reason: 'malformed-bundle', index: 4 },
  { why: 'events before the range without genesis', bundle: broken((p) => (p.keys[2] as Value[]).shift(), ROTATED, { first: 4 }), reason: 'malformed-bundle', index: 4 },
  { why: 'a path of 65', bundle: broken((p) => (event(p, 0)[3] = Array<Value>(65).fill(ID)), ROTATED, { first: 4 }), reason: 'malformed-bundle', index: 4 },
  { why: 'an event over 60 KiB', bundle: broken((p) => (event(p, 0)[1] = new Uint8Array(61_441)), ROTATED, { first: 4 }), reason: 'malformed-bundle', index: 4 },
  { why: 'an event with a signature over 8,192', bundle: broken((p) => (event(p, 0)[2] = new Uint8Array(8193)), ROTATED, { first: 4 }), reason: 'malformed-bundle', index: 4 },
  { why: 'a rotation in the range, and no events', bundle: broken((p) => p.keys.pop(), ROTATED, { first: 2 }), reason: 'key-history', index: 3 },
  { why: 'genesis as the only event of a log of one key', bundle: broken((p) => p.keys.push([[0n, BEGUN.records[0]!, BEGUN.signatures[0]!, BEGUN.path(0, 3)]]), BEGUN, { first: 1 }), reason: 'key-history', index: 3 },
  { why: 'genesis after the range', bundle: broken((p) => (event(p, 0)[0] = 2n), ROTATED, { first: 1, count: 1 }), reason: 'log-id', index: 2 },
];

const EVENTS: Row[] = [
  { why: 'an event that is no record', bundle: broken((p) => (event(p, 1)[1] = ID), ROTATED, { first: 4 }), reason: 'malformed-record', index: 3 },
  { why: 'an event of a reserved kind', bundle: broken((p) => (event(p, 1)[1] = changed(event(p, 1)[1], set({ 7: 8n }))), ROTATED, { first: 4 }), reason: 'unsupported-kind', index: 3, exit: 4 },
  { why: 'a genesis of another log', bundle: broken((p) => (event(p, 0)[1] = changed(event(p, 0)[1], set({ 5: 0n }))), ROTATED, { first: 4 }), reason: 'log-id', index: 0 },
  { why: 'a genesis that is not at index 0', bundle: broken((p) => (event(p, 1)[1] = changed(event(p, 1)[1], set({ 7: 0n }))), ROTATED, { first: 4 }), reason: 'genesis', index: 3 },
  { why: 'a rotation at another index', bundle: broken((p) => (event(p, 1)[0] = 2n), ROTATED, { first: 4 }), reason: 'index', index: 2 },
  { why: 'an event without signature', bundle: broken((p) => (event(p, 1)[2] = new Uint8Array(0)), ROTATED, { first: 4 }), reason: 'signing-mode', index: 3 },
  { why: 'an event with a short signature', bundle: broken((p) => (event(p, 0)[2] = ROTATED.signatures[0]!.slice(1)), ROTATED, { first: 4 }), reason: 'malformed-signature', index: 0 },
  { why: 'events under keys that are not trusted', bundle: ROTATED.bundle({ first: 4 }), policy: { key: STRANGER.pem }, reason: 'unknown-key', index: 0 },
  { why: 'an event with another signature', bundle: broken((p) => (event(p, 1)[2] = flipped(event(p, 1)[2], 3000)), ROTATED, { first: 4 }), reason: 'signature', index: 3 },
  { why: 'an event whose facts were changed', bundle: broken((p) => (event(p, 1)[1] = changed(event(p, 1)[1], setFacts({ next: ID }))), ROTATED, { first: 4 }), reason: 'signature', index: 3 },
  { why: 'an intent as an event', bundle: broken((p) => ((p.keys[2] as Value[]).splice(1, 0, [1n, ROTATED.records[1]!, ROTATED.signatures[1]!, ROTATED.path(1, 6)])), ROTATED, { first: 4 }), reason: 'key-history', index: 1 },
  { why: 'the rotation before the range is left out', bundle: broken((p) => (p.keys[2] as Value[]).pop(), ROTATED, { first: 4 }), reason: 'unknown-key', index: 4 },
  { why: 'the rotation after the range is left out', bundle: broken((p) => (p.keys[2] as Value[]).pop(), ROTATED, { first: 1, count: 1 }), reason: 'key-history', index: 2 },
  { why: 'a forged rotation after the range', bundle: begun().rotate({ key: STRANGER }).intent().bundle({ count: 2 }), reason: 'pre-rotation', index: 3 },
  { why: 'an event after a terminal', bundle: begun().add(KIND.terminal).rotate({ key: K2 }).bundle({ count: 4 }), reason: 'after-terminal', index: 4 },
  { why: 'an event with another path', bundle: broken((p) => (event(p, 1)[3] = [ID, ID, ID]), ROTATED, { first: 4 }), reason: 'event-path', index: 6 },
  { why: 'an event with a path too long', bundle: broken((p) => (event(p, 1)[3] as Value[]).push(ID), ROTATED, { first: 4 }), reason: 'event-path', index: 6 },
  { why: 'an event with a path too short', bundle: broken((p) => (event(p, 1)[3] as Value[]).pop(), ROTATED, { first: 4 }), reason: 'event-path', index: 6 },
  { why: 'an event at or after the size', bundle: afterTheSize(), reason: 'event-path', index: 2 },
];

const REVOCATIONS: Row[] = [
  { why: 'stolen key signs the future, and the recovery key takes the log back', bundle: TAKEN.bundle(), policy: pinned(TAKEN), reason: 'revoked', exit: 3, revoked: [[3, 4]], axes: { 'key-status': 'revoked', completeness: 'pass' }, text: /; complete against the checkpoint of size 7; revoked: 3–4; intents without outcome: 6; later/ },
  { why: 'the same without a key of one’s own', bundle: TAKEN.bundle(), policy: {}, reason: 'revoked', exit: 3, axes: { authenticity: 'self-asserted-key' } },
  { why: 'the same where nothing is required', bundle: TAKEN.bundle(), policy: { ...TRUST, require: [] }, reason: 'revoked', exit: 3 },
  verified('the same, up to the reference before it', TAKEN, { ...TRUST, reference: TAKEN.checkpoint(3), upto: 3 }),
  { why: 'the next key takes the log back', bundle: taken({ effective: 0 }, K2).bundle(), reason: 'revoked', exit: 3, revoked: [[0, 4]] },
  verified('a key that was lost, and whose signatures all count', taken({ effective: 5 })),
  { why: 'one index is revoked', bundle: taken({ effective: 4 }).bundle(), reason: 'revoked', exit: 3, revoked: [[4, 4]], text: /; revoked: 4; / },
  { why: 'stolen before anybody saw anything', bundle: taken({ effective: 5, since: 500 }).bundle(), reason: 'revoked', exit: 3, revoked: [[0, 4]] },
  { why: 'stolen after a witness saw three', bundle: taken({ effective: 5, since: 500 }).bundle(), policy: seen(taken({ effective: 5, since: 500 }), 3, 500), reason: 'revoked', exit: 3, revoked: [[3, 4]] },
  { why: 'stolen just before a witness saw three', bundle: taken({ effective: 5, since: 500 }).bundle(), policy: seen(taken({ effective: 5, since: 500 }), 3, 501), reason: 'revoked', exit: 3, revoked: [[0, 4]] },
  { ...verified('stolen after a witness saw all that it signed', taken({ effective: 5, since: 500 })), policy: seen(taken({ effective: 5, since: 500 }), 5, 500) },
  { why: 'a part, and a witness whose tree cannot be compared', bundle: taken({ effective: 5, since: 500 }).bundle({ first: 1, count: 1 }), policy: seen(taken({ effective: 5, since: 500 }), 5, 500), reason: 'revoked', exit: 3, revoked: [[1, 1]] },
  { why: 'an older key revoked, whose time is in scope', bundle: rotated().revoke(K1, { effective: 2 }).bundle(), reason: 'revoked', exit: 3, revoked: [[2, 3]] },
  { why: 'an older key revoked twice, the first time from later on', bundle: rotated().revoke(K1, { effective: 3 }).revoke(K1, { effective: 1 }).bundle(), reason: 'revoked', exit: 3, revoked: [[1, 3]] },
  { why: 'an older key revoked twice, the second time from later on', bundle: rotated().revoke(K1, { effective: 1 }).revoke(K1, { effective: 3 }).bundle(), reason: 'revoked', exit: 3, revoked: [[1, 3]] },
  { why: 'an older key revoked twice, the second time since later', bundle: twiceSince(400, 600).bundle(), policy: seen(twiceSince(400, 600), 3, 500), reason: 'revoked', exit: 3, revoked: [[0, 3]] },
  { why: 'an older key revoked twice, the second time since earlier', bundle: twiceSince(600, 400).bundle(), policy: seen(twiceSince(600, 400), 3, 500), reason: 'revoked', exit: 3, revoked: [[0, 3]] },
  { why: 'an older key revoked twice, both after a witness', bundle: twiceSince(600, 700).bundle(), policy: seen(twiceSince(600, 700), 3, 500), reason: 'revoked', exit: 3, revoked: [[3, 3]] },
  { why: 'two keys revoked one after the other', bundle: rotated().revoke(K1, { effective: 3 }).revoke(K2, { effective: 5 }, { key: K3 }).bundle(), reason: 'revoked', exit: 3, revoked: [[3, 3], [5, 6]] },
  { why: 'two keys revoked, whose indexes meet', bundle: rotated().revoke(K1, { effective: 3 }).revoke(K2, { effective: 0 }, { key: K3 }).bundle(), reason: 'revoked', exit: 3, revoked: [[3, 6]] },
  { why: 'a part whose key is revoked after it', bundle: rotated().revoke(K1, { effective: 2 }).bundle({ first: 1, count: 2 }), policy: PART, reason: 'revoked', exit: 3, revoked: [[2, 2]] },
  { why: 'stolen key revokes itself and names its successor', bundle: begun().revoke(K1, { effective: 3 }, { key: STRANGER }).bundle(), reason: 'pre-rotation', index: 3 },
  { why: 'a revoke that the revoked key signs', bundle: begun().revoke(K1, { effective: 3 }).bundle(), reason: 'unknown-key', index: 3 },
  { why: 'a revoke whose successor is not listed', bundle: broken((p) => keyList(p).pop(), TAKEN), reason: 'unknown-key', index: 5 },
  { why: 'a revoke of the key in force that names another successor than the signer', bundle: begun().revoke(K1, { effective: 3 }, { key: K2 }, setFacts({ key: K3.publicKey.spki })).bundle(), reason: 'key-history', index: 3 },
  { why: 'a revoke of the key in force without its next', bundle: begun().revoke(K1, { effective: 3 }, { key: K2 }, setFacts({ next: undefined })).bundle(), reason: 'key-event', index: 3 },
  { why: 'a revoke of the key in force without a successor', bundle: begun().revoke(K1, { effective: 3 }, { key: K2 }, setFacts({ key: undefined, next: undefined, recovery: undefined })).bundle(), reason: 'key-event', index: 3 },
  { why: 'a revoke of an older key that names a successor', bundle: rotated().revoke(K1, { effective: 3 }, undefined, setFacts({ next: ID })).bundle(), reason: 'key-event', index: 6 },
  { why: 'a revoke of a key that never was in force', bundle: rotated().revoke(K3, { effective: 3 }).bundle(), reason: 'key-event', index: 6 },
  { why: 'a revoke of a key that comes into force later', bundle: begun().revoke(K2, { effective: 3 }).rotate({ key: K2 }).bundle(), reason: 'key-event', index: 3 },
  { why: 'a revoke from an index after it', bundle: rotated().revoke(K1, { effective: 7 }).bundle(), reason: 'key-event', index: 6 },
  { why: 'a revoke without an index', bundle: rotated().revoke(K1, { effective: 3 }, undefined, setFacts({ effective: undefined })).bundle(), reason: 'key-event', index: 6 },
  { why: 'a revoke since a text', bundle: rotated().revoke(K1, { effective: 3 }, undefined, setFacts({ since: 'then' })).bundle(), reason: 'key-event', index: 6 },
  { why: 'a revoke of no key', bundle: rotated().revoke(K1, { effective: 3 }, undefined, setFacts({ revoked: undefined })).bundle(), reason: 'key-event', index: 6 },
];

const told = (log: Log, revoked: KeyPair, worth: { effective: number; since?: number }, signer: KeyPair): Policy => pinned(log, { revocations: [base64(statement(log, revoked, worth, signer))] });
const SELF = new Log(K1, { next: K1 }).genesis();
const STATEMENTS: Row[] = [
  { why: 'a statement of the next key', bundle: BEGUN.bundle(), policy: told(BEGUN, K1, { effective: 1 }, K2), reason: 'revoked', exit: 3, revoked: [[1, 2]] },
  { why: 'a statement of the recovery key', bundle: BEGUN.bundle(), policy: told(BEGUN, K1, { effective: 1, since: 9 }, RECOVERY), reason: 'revoked', exit: 3, revoked: [[0, 2]] },
  { why: 'a statement of a key that was in force after it', bundle: TWICE.bundle(), policy: told(TWICE, K1, { effective: 2 }, K3), reason: 'revoked', exit: 3, revoked: [[2, 3]] },
  { why: 'a statement about an index after the last', bundle: BEGUN.bundle(), policy: told(BEGUN, K1, { effective: 3 }, K2), reason: null, exit: 0, axes: { 'key-status': 'pass' } },
  { why: 'a statement of the key that it is about', bundle: BEGUN.bundle(), policy: told(BEGUN, K1, { effective: 0 }, K1), reason: null, exit: 0 },
  { why: 'a statement of the key that it is about, which committed to itself', bundle: SELF.bundle(), policy: told(SELF, K1, { effective: 0 }, K1), reason: null, exit: 0 },
  { why: 'a statement of a stranger', bundle: BEGUN.bundle(), policy: told(BEGUN, K1, { effective: 0 }, STRANGER), reason: null, exit: 0 },
  { why: 'a statement of an older key', bundle: ROTATED.bundle(), policy: told(ROTATED, K2, { effective: 0 }, K1), reason: null, exit: 0 },
  { why: 'a statement of a key that was committed only later', bundle: ROTATED.bundle(), policy: told(ROTATED, K1, { effective: 0 }, K3), reason: null, exit: 0 },
  { why: 'a statement about a key that the log never had', bundle: BEGUN.bundle(), policy: told(BEGUN, STRANGER, { effective: 0 }, K2), reason: null, exit: 0 },
  { why: 'a statement about another log', bundle: BEGUN.bundle(), policy: pinned(BEGUN, { revocations: [base64(statement(ROTATED, K1, { effective: 0 }, K2)), base64(statement(new Log(K1).genesis(), K1, { effective: 0 }, K2))].slice(1) }), reason: null, exit: 0 },
  { why: 'a statement, and a part without genesis', bundle: BEGUN.bundle({ first: 1 }), policy: { ...told(BEGUN, K1, { effective: 0 }, K2), require: ['key-status'] }, reason: 'revocation-unproven', exit: 2 },
  { why: 'a statement of the key that it is about, and a part without genesis', bundle: BEGUN.bundle({ first: 1 }), policy: { ...told(BEGUN, K1, { effective: 0 }, K1), require: ['key-status'] }, reason: 'partial', exit: 2 },
  { why: 'a statement about no key of this log, and a part without genesis', bundle: BEGUN.bundle({ first: 1 }), policy: { ...told(BEGUN, STRANGER, { effective: 0 }, K2), require: ['key-status'] }, reason: 'partial', exit: 2 },
  { why: 'a statement, and a part with genesis as an event', bundle: ROTATED.bundle({ first: 4 }), policy: { ...told(ROTATED, K2, { effective: 5 }, K3), ...PART }, reason: 'revoked', exit: 3, revoked: [[5, 5]] },
  ...([
    ['another name', (items: Value[]) => (items[0] = 'oar-revocatiom')],
    ['version 2', (items: Value[]) => (items[1] = 2n)],
    ['a log id of 31 bytes', (items: Value[]) => (items[2] = ID.slice(1))],
    ['two times', (items: Value[]) => (items[5] = [1n, 2n])],
    ['another index', (items: Value[]) => (items[4] = 2n)],
    ['another signer', (items: Value[]) => (items[6] = RECOVERY.publicKey.spki)],
    ['a short signature', (items: Value[]) => (items[7] = (items[7] as Uint8Array).slice(1))],
    ['a ninth item', (items: Value[]) => items.push(0n)],
  ] as const).map(([why, change]): Row => {
    const items = statement(BEGUN, K1, { effective: 1 }, K2);
    change(items);
    return { why: `a statement with ${why}`, bundle: BEGUN.bundle(), policy: pinned(BEGUN, { revocations: [base64(items)] }), reason: 'misuse-revocation', exit: 64 };
  }),
  ...([
    ['another name', 0, 'oar-revocatiom'],
    ['version 2', 1, 2n],
    ['a log id of 31 bytes', 2, ID.slice(1)],
    ['a revoked id of 33 bytes', 3, new Uint8Array(33)],
    ['an index that is a text', 4, '1'],
    ['two times', 5, [1n, 2n]],
    ['a time that is a text', 5, ['1']],
  ] as [string, number, Value][]).map(([why, place, value]): Row => {
    const said = statement(BEGUN, K1, { effective: 1 }, K2).slice(0, 6);
    said[place] = value;
    return { why: `a statement with ${why}, and signed so`, bundle: BEGUN.bundle(), policy: pinned(BEGUN, { revocations: [base64(stated(said, K2))] }), reason: 'misuse-revocation', exit: 64 };
  }),
  { why: 'a statement that is no base64', bundle: BEGUN.bundle(), policy: pinned(BEGUN, { revocations: ['no base64'] }), reason: 'misuse-revocation', exit: 64 },
  { why: '17 statements', bundle: BEGUN.bundle(), policy: pinned(BEGUN, { revocations: Array<string>(17).fill(base64(statement(BEGUN, K1, { effective: 1 }, K2))) }), reason: 'misuse-revocation', exit: 64 },
];

const erasing = (): Log => begun().erase(1, ['prompt']);
const ERASED: Row[] = [
  { ...verified('field erased', erasing()), text: /; complete against the checkpoint of size 4; erased: 1 prompt by 3; later records not covered$/ },
  { ...verified('two fields erased', begun().erase(1, ['a', 'bb'])), text: /; erased: 1 a by 3, 1 bb by 3; / },
  { ...verified('17 fields erased', begun().erase(1, Array.from({ length: 17 }, (_, i) => String.fromCharCode(97 + i)))), text: /, 1 p by 3, …; later/ },
  { ...verified('a field erased whose label would make a sentence', begun().erase(1, ['a; b\nc_', 'é𝄞.x-1', 'complete against the checkpoint'].sort((a, b) => encodeUtf8(a).length - encodeUtf8(b).length))), text: /; erased: 1 a\?\?b\?c_ by 3, 1 \?\?.x-1 by 3, 1 complete\?against\?the\?checkpoint by 3; later/ },
  ...([
    ['record at its own index', { record: 3n }],
    ['no record', { record: undefined }],
    ['a digest of 32 bytes', { record_digest: ID }],
    ['no labels', { labels: [] }],
    ['65 labels', { labels: Array.from({ length: 65 }, (_, i) => String.fromCharCode(128 + i)) }],
    ['a label twice', { labels: ['a', 'a'] }],
    ['labels out of order', { labels: ['bb', 'a', 'b'] }],
    ['an empty label', { labels: [''] }],
    ['a label of 65 bytes', { labels: ['a'.repeat(65)] }],
    ['a label that is a number', { labels: [1n] }],
  ] as [string, { [fact: string]: Value | undefined }][]).map(([why, facts]): Row => ({
    why: `an erase with ${why}`,
    bundle: begun().erase(1, ['prompt'], setFacts(facts)).bundle(),
    reason: 'erase',
    index: 3,
  })),
  { why: 'a sealed erase', bundle: begun().erase(1, ['prompt'], set({ 16: 1n })).bundle(), reason: 'malformed-record', index: 3 },
];

const at = (log: Log, size: number, times: { requested?: number; received?: number }): Policy => ({ ...TRUST, references: [{ checkpoint: log.checkpoint(size), ...times }] });
const SKEW = 300_000;
const TIMES: Row[] = [
  { why: 'a reference that says when it was received', bundle: BEGUN.bundle(), policy: { ...at(BEGUN, 3, { received: claimed(2) }), require: ['time'] }, reason: null, exit: 0, axes: { time: 'pass' } },
  { why: 'a reference that was received, up to it', bundle: ROTATED.bundle(), policy: { ...at(ROTATED, 3, { received: claimed(2) }), require: ['time'] }, reason: null, exit: 0, axes: { time: 'pass' } },
  { why: 'the greatest reference says no time', bundle: BEGUN.bundle(), policy: { ...TRUST, references: [{ checkpoint: BEGUN.checkpoint(3) }, { checkpoint: BEGUN.checkpoint(2), received: claimed(2) }], require: ['time'] }, reason: 'operator-claimed', exit: 2 },
  { why: 'one of two equal references says a time', bundle: BEGUN.bundle(), policy: { ...TRUST, references: [{ checkpoint: BEGUN.checkpoint(3) }, { checkpoint: BEGUN.checkpoint(3), received: claimed(2) }], require: ['time'] }, reason: null, exit: 0 },
  { why: 'a part, and a reference of the same size', bundle: BEGUN.bundle({ first: 1, count: 1 }), policy: { ...at(BEGUN, 3, { received: claimed(2) }), require: ['time'] }, reason: null, exit: 0 },
  { why: 'a part, and a smaller reference that cannot be compared', bundle: BEGUN.bundle({ first: 1, count: 1 }), policy: { ...at(BEGUN, 2, { received: claimed(2) }), require: ['time'] }, reason: 'operator-claimed', exit: 2 },
  { why: 'a claim as late as the skew allows', bundle: BEGUN.bundle(), policy: at(BEGUN, 3, { received: claimed(2) - SKEW }), reason: null, exit: 0 },
  { why: 'backdated reference: a claim after it was received', bundle: BEGUN.bundle(), policy: at(BEGUN, 3, { received: claimed(1) - SKEW }), reason: 'time-bounds', index: 2 },
  { why: 'backdated clock: a claim before the reference was requested', bundle: BEGUN.bundle(), policy: at(BEGUN, 1, { requested: claimed(1) + 1 + SKEW }), reason: 'time-bounds', index: 1 },
  { why: 'a claim as early as the skew allows', bundle: BEGUN.bundle(), policy: { ...at(BEGUN, 1, { requested: claimed(1) + SKEW }), require: ['consistency'] }, reason: null, exit: 0 },
  { why: 'a skew of none', bundle: BEGUN.bundle(), policy: { ...at(BEGUN, 1, { requested: claimed(1) + 1 }), skew_ms: 0 }, reason: 'time-bounds', index: 1 },
  { why: 'a claim of the largest time', bundle: begun().intent(set({ 5: 2n ** 64n - 1n })).bundle(), policy: at(begun(), 3, { requested: 5 }), reason: 'after-reference', exit: 2 },
  { why: 'an event with a time that cannot be', bundle: ROTATED.bundle({ first: 4 }), policy: at(ROTATED, 6, { received: 3 }), reason: 'time-bounds', index: 0 },
  { why: 'young enough', bundle: BEGUN.bundle(), policy: pinned(BEGUN, { max_age_ms: 1000, now_ms: claimed(2) + 1000 }), reason: null, exit: 0 },
  { why: 'too old', bundle: BEGUN.bundle(), policy: pinned(BEGUN, { max_age_ms: 1000, now_ms: claimed(2) + 1001 }), reason: 'too-old', exit: 2 },
  { why: 'too old, and something else is lacking', bundle: BEGUN.bundle(), policy: { ...TRUST, max_age_ms: 1000, now_ms: claimed(2) + 1001 }, reason: 'completeness-unwitnessed', exit: 2 },
  { why: 'a record after the reference is young enough', bundle: ROTATED.bundle(), policy: { ...TRUST, reference: ROTATED.checkpoint(3), upto: 3, max_age_ms: 1000, now_ms: claimed(5) + 1000 }, reason: null, exit: 0 },
  { why: 'an age without a now', bundle: BEGUN.bundle(), policy: pinned(BEGUN, { max_age_ms: 1000 }), reason: 'misuse-age', exit: 64 },
];

const rebuilt = (): Log => new Log(K1, { next: K2, recovery: RECOVERY }).genesis().intent(set({ 5: 1n })).outcome(1).rotate({ key: K2 });
const bare = (log: Log, size: number): { checkpoint: string } => ({ checkpoint: `${size}:${toHex(log.root(size))}` });
const REFERENCES: Row[] = [
  verified('four references', ROTATED, { ...TRUST, references: [bare(ROTATED, 1), bare(ROTATED, 6), bare(ROTATED, 3), bare(ROTATED, 3)] }),
  { why: 'one of several references is of another tree', bundle: ROTATED.bundle(), policy: { ...TRUST, references: [bare(ROTATED, 6), bare(rebuilt(), 2)] }, reason: 'fork', index: 6 },
  { why: 'a fork, and a larger reference', bundle: ROTATED.bundle(), policy: { ...TRUST, references: [{ checkpoint: `7:${toHex(ID)}` }, bare(rebuilt(), 2)] }, reason: 'fork', index: 6 },
  { why: 'two larger references', bundle: ROTATED.bundle(), policy: { ...TRUST, references: [{ checkpoint: `9:${toHex(ID)}` }, { checkpoint: `8:${toHex(ID)}` }] }, reason: 'truncated', index: 6, text: /truncated, have 6 < 8 at index 6, step 20$/ },
  { why: 'two roots for one size', bundle: ROTATED.bundle(), policy: { ...TRUST, references: [bare(ROTATED, 6), { checkpoint: `6:${toHex(ID)}` }] }, reason: 'fork', index: 6 },
  { why: 'upto the smaller of two', bundle: ROTATED.bundle(), policy: { ...TRUST, references: [bare(ROTATED, 3), bare(ROTATED, 5)], upto: 3 }, reason: 'misuse-upto', exit: 64 },
  { why: 'upto the greater of two', bundle: ROTATED.bundle(), policy: { ...TRUST, references: [bare(ROTATED, 3), bare(ROTATED, 5)], upto: 5 }, reason: null, exit: 0, text: /^records 0–4 .* complete against the checkpoint of size 5;/ },
  { why: '17 references', bundle: ROTATED.bundle(), policy: { ...TRUST, references: Array(17).fill(bare(ROTATED, 3)) }, reason: 'misuse-reference', exit: 64 },
  { why: 'received before it was requested', bundle: ROTATED.bundle(), policy: at(ROTATED, 6, { requested: 2, received: 1 }), reason: 'misuse-reference', exit: 64 },
  { why: 'a note that names a key of the policy, and is not signed by it', bundle: encodeUtf8('no bundle'), policy: { ...TRUST, reference: unsigned(BEGUN.checkpoint()) }, reason: 'misuse-reference', exit: 64 },
  { why: 'a note that names a listed key, and is not signed by it', bundle: ROTATED.bundle(), policy: { ...TRUST, reference: unsigned(ROTATED.checkpoint()) }, reason: 'misuse-reference', exit: 64 },
  { why: 'two keys, of which one is trusted', bundle: BEGUN.bundle(), policy: { keys: [STRANGER.pem, toHex(K1.publicKey.id)], reference: BEGUN.checkpoint() }, reason: null, exit: 0 },
  { why: '17 keys', bundle: BEGUN.bundle(), policy: { keys: Array<string>(17).fill(K1.pem) }, reason: 'misuse-key', exit: 64 },
  { why: 'of several misuses, the first', bundle: BEGUN.bundle(), policy: { ...TRUST, require: ['luck'], upto: 3, revocations: ['?'], max_age_ms: 1 }, reason: 'misuse-upto', exit: 64 },
];

export const HISTORY_ROWS: Row[] = [...ROTATIONS, ...LISTS, ...EVENTS, ...REVOCATIONS, ...STATEMENTS, ...ERASED, ...TIMES, ...REFERENCES];

function twiceSince(first: number, second: number): Log {
  return rotated().revoke(K1, { effective: 4, since: first }).revoke(K1, { effective: 4, since: second });
}

/** What the proof of a rotation to the second key after this log would sign. */
function rotationOf(log: Log): Uint8Array {
  const size = log.records.length;
  return rotationMessage(log.id, size, recordDigest(log.records[size - 1]!), [K2.publicKey.id, new Uint8Array(32).fill(0xb0), RECOVERY.publicKey.id]);
}

/** The log with a rotation, in which another key than the one in force signed record `index`. */
function signedBy(key: KeyPair, index: number): Uint8Array {
  const log = begun();
  if (index === 2) {
    const other = new Log(K1, { next: K2, recovery: RECOVERY }).genesis().intent().outcome(1, set({ 17: key.publicKey.id }));
    return broken((parts) => (chunk(parts, 2)[2] = other.cose(2, key)), other);
  }
  log.rotate({ key: K2 }).intent(set({ 17: key.publicKey.id }));
  return broken((parts) => (chunk(parts, 2)[index] = log.cose(index, key)), log);
}

/** The rotation of a longer log as an event of the shorter one, whose checkpoint the new key signed. */
function afterTheSize(): Uint8Array {
  const log = begun().rotate({ key: K2 });
  return broken((parts) => {
    parts.right = log.parts({ count: 2, size: 3 }).right;
    parts.checkpoint[1] = encodeUtf8(log.checkpoint(3, K2));
  }, log, { count: 2, size: 4 });
}

/** A policy with a reference of `size` that was received at `time`, long before the log says, and one of the whole log. */
function seen(log: Log, size: number, time: number): Policy {
  return { ...TRUST, references: [{ checkpoint: log.checkpoint(size), received: time }, { checkpoint: log.checkpoint() }], skew_ms: claimed(1000) };
}

/** The note with a signature of nothing. */
function unsigned(text: string): string {
  const signature = /[A-Za-z0-9+/]+==\n$/;
  const bytes = Buffer.from(signature.exec(text)![0], 'base64');
  bytes.fill(sha3_512(encodeUtf8('nothing')), 4, 1000);
  return text.replace(signature, `${bytes.toString('base64')}\n`);
}
