/** What codes mean, in words of spec/record.md and spec/verdict.md. A code without words here is shown as it is. */
import type { Axis } from '../src/verdict.js';

/** The word, and what it says in one line. */
export const VERDICTS: { [word: string]: { tone: string; says: string } } = {
  VERIFIED: { tone: 'good', says: 'Every axis that you require passed.' },
  INVALID: { tone: 'bad', says: 'A contradiction is proven. Nothing in this bundle is covered.' },
  REVOKED: { tone: 'revoked', says: 'The signatures check, but records were signed by a key that was revoked before them.' },
  STALE: { tone: 'stale', says: 'Nothing contradicts, but something that you require could not be established.' },
  'NO VERDICT': { tone: 'none', says: 'This verifier cannot say anything about this file.' },
};

export const AXIS_MEANING: { [axis in Axis]: string } = {
  integrity: 'The bytes are well formed, and each record continues the one before it.',
  authenticity: 'The key that you brought signed every record that must be signed, and the checkpoint.',
  inclusion: 'The records are in the tree whose root the checkpoint signs.',
  consistency: 'The log continues the one that your checkpoint, or a chain that you pinned, saw, unchanged.',
  completeness: 'No record up to your checkpoint, or to what was settled on a chain that you pinned, is missing.',
  'key-status': 'No revocation of the key is known from this bundle.',
  time: 'The clock times are bounded by something the operator does not control.',
  pairing: 'Every intent has its outcome, in order.',
  disclosure: 'Every opened field is the one that was committed to.',
};

/** What each exit code of the command says. */
export const EXITS: { [exit: number]: string } = {
  0: 'verified',
  1: 'invalid',
  2: 'stale',
  3: 'revoked',
  4: 'no verdict',
  64: 'wrong usage',
};

/** What an unchecked axis leaves open, for the list of what is not covered. */
export const UNCHECKED: { [reason: string]: string } = {
  'self-asserted-key': 'You brought no key, so the bundle vouches for itself. Anyone can make such a bundle.',
  'completeness-unwitnessed': 'You brought no checkpoint, and no chain that you pinned with four validators or more settled one, so records may have been dropped from the end, or the log rewritten.',
  'after-reference': 'The log is longer than your checkpoint or settlement: what came after it may be cut short.',
  partial: 'The bundle holds only a part of the log: what lies outside is not shown.',
  'operator-claimed': 'Times are the operator’s own claim.',
  'open-intents': 'Some intents have no outcome: the act may or may not have happened.',
  'not-reached': 'Not looked at, because verification stopped before it.',
  'too-old': 'The last record is older than your policy allows.',
  'revocation-unproven': 'A revocation that you brought could not be tied to a key of this log.',
};

/** What a failure means. */
export const FAILURES: { [reason: string]: string } = {
  'not-a-bundle': 'The file is not an Open Audit Record bundle.',
  'unsupported-version': 'The bundle has a version that this verifier does not know.',
  'malformed-bundle': 'The bundle’s encoding breaks here: it was cut, extended or altered.',
  'no-records': 'The bundle holds no record.',
  'malformed-record': 'These bytes are not a record of the specified form.',
  'unsupported-kind': 'The record is of a kind that this verifier does not know.',
  'unsupported-extension': 'The record has a critical extension that this verifier does not know.',
  'log-id': 'The record belongs to another log.',
  genesis: 'A log begins with one genesis record, and only there.',
  index: 'The record does not have the index of its place: one was removed, added or moved.',
  prev: 'The record does not continue the one before it: one of the two was changed.',
  'after-terminal': 'The log had been closed; no record may follow.',
  'pairing-order': 'The outcome names no intent that was open before it.',
  'too-many-open': 'More intents are open than a log may have.',
  seal: 'The seal does not match the records or signatures before it.',
  'signing-mode': 'The signature is missing where one must be, or is there where none may be.',
  'malformed-signature': 'The signature is not of the specified form.',
  'unknown-key': 'The record names another key than the one that you trust.',
  signature: 'The signature does not verify.',
  opening: 'An opened field is not the one that the record committed to.',
  'genesis-key': 'The first record does not name the key that the bundle uses.',
  'malformed-checkpoint': 'The checkpoint is not of the specified form.',
  'checkpoint-origin': 'The checkpoint is of another log.',
  'checkpoint-key': 'The checkpoint was not signed by the log’s key.',
  root: 'The records do not give the root that the checkpoint signs.',
  'checkpoint-signature': 'The checkpoint’s signature does not verify.',
  'malformed-light-proof': 'What a chain is said to say of the log is not of the specified form.',
  'malformed-genesis': 'The genesis of the chain is not of the specified form.',
  'genesis-params': 'The rules of the chain are outside their bounds.',
  'genesis-sum': 'The chain gives out more or less than there is.',
  'malformed-header': 'A header of the chain is not of the specified form.',
  'malformed-certificate': 'A certificate is not of the specified form, or of other seats than there are.',
  'malformed-validators': 'A set of validators is not of the specified form.',
  'malformed-entry': 'What the chain holds of the log is not of the specified form.',
  chain: 'A header is of another chain.',
  height: 'A header is not in its place.',
  'validator-set': 'The validators are not those that were to vote: the set is forged.',
  round: 'A certificate is of a round that its header cannot have.',
  quorum: 'Too few validators signed.',
  'vote-signature': 'A validator’s vote does not verify.',
  'state-root': 'What is said of the log is not in the state that was certified.',
  settlement: 'The settlement shows something else than the log’s newest checkpoint.',
  truncated: 'The log is shorter than your checkpoint, or than what was settled: records were dropped.',
  fork: 'The log contradicts your checkpoint, or what was settled: it was rewritten, or two views of it were signed.',
  'key-event': 'A change of keys is not of the specified form.',
  'pre-rotation': 'The new key is not the one that was committed to beforehand.',
  'rotation-proof': 'The new key did not sign its own coming into force.',
  'key-history': 'The keys listed are not those that the log’s key events give.',
  revoked: 'Records in scope were signed by a key that was revoked before them.',
  erase: 'An erasure is not of the specified form.',
  'time-bounds': 'A record claims a time that your checkpoint’s time contradicts.',
  'event-path': 'The path of a change of keys does not lead to the root that the checkpoint signs.',
  'not-a-fork-proof': 'The file is not a fork proof that this verifier knows.',
  'malformed-fork': 'The fork proof is not of the specified form.',
  'fork-unproven': 'The two checkpoints do not contradict each other.',
};

export const KINDS = [
  'genesis', 'intent', 'outcome', 'deny', 'approval', 'seal', 'rotate', 'revoke', 'epoch',
  'anchor', 'settle', 'witness', 'heartbeat', 'erase', 'gap', 'terminal', 'fork', 'detail',
] as const;
export const CLASSES = ['operator', 'agent', 'brain', 'user', 'system'] as const;
export const OUTCOMES = ['executed', 'failed', 'not attempted', 'timed out', 'outcome unknown'] as const;
export const MODES = ['signed', 'sealed'] as const;

/** The name of a code in a table, or the code itself. */
export function named(names: readonly string[], code: number | null): string {
  return code === null ? '–' : (names[code] ?? String(code));
}

/** Facts whose four bytes are a real number (record.md, "Encoding" and the table of actions). */
export const REAL_FACTS: ReadonlySet<string> = new Set(['temperature', 'top_p', 'min_p', 'repetition']);
