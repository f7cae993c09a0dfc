/** What each axis says once every step has passed, and which indexes are revoked (spec/verdict.md "Revocation" and "Axes"). */
import { equal } from './bytes.js';
import type { Header } from './bundle.js';
import type { KeyRing } from './keyring.js';
import type { Terms } from './policy.js';
import { isCompared, sizeSeenBy, type TreeHead } from './reference.js';
import { PASS, unchecked, type Axes, type AxisState } from './verdict.js';

/** What the steps have found out. */
export interface Findings {
  header: Header;
  terms: Terms;
  ring: KeyRing;
  head: TreeHead;
  openCount: number;
  /** The last record in scope. */
  last: number;
}

export interface Standing {
  axes: Axes;
  /** Maximal runs of revoked indexes in scope. */
  revoked: [number, number][];
}

export function isSelfAsserted({ trusted }: Terms): boolean {
  return trusted.size === 0;
}

export function standingOf(findings: Findings): Standing {
  const isProven = applyStatements(findings);
  const revoked = revokedIndexes(findings);
  const axes: Axes = {
    integrity: PASS,
    authenticity: isSelfAsserted(findings.terms) ? unchecked('self-asserted-key') : PASS,
    inclusion: PASS,
    consistency: consistency(findings),
    completeness: completeness(findings),
    'key-status': keyStatus(findings, revoked.length > 0, isProven),
    time: time(findings),
    pairing: findings.openCount === 0 ? PASS : unchecked('open-intents'),
    disclosure: PASS,
  };
  return { axes, revoked };
}

/** False if a statement about a key of this log, by another, stays unproven, because the bundle does not say who was committed. */
function applyStatements({ header, terms, ring }: Findings): boolean {
  const statements = terms.statements.filter(({ log, revoked, signer }) => equal(log, header.logId) && ring.had(revoked) && !equal(signer, revoked));
  if (!ring.knowsCommitments) return statements.length === 0;
  for (const { revoked, signer, effective, since } of statements) ring.revoke(revoked, signer, { effective, since });
  return true;
}

function revokedIndexes({ header, terms, ring, head, last }: Findings): [number, number][] {
  // A reference that step 20 left alone does not show that these records are those that it covers.
  const compared = terms.references.filter((reference) => isCompared(reference, head));
  const runs: [number, number][] = [];
  for (const run of ring.revokedRuns(header.first, last)) {
    const seen = run.since === undefined ? Infinity : sizeSeenBy(compared, run.since);
    const bad = Math.max(run.first, Math.min(Number(run.effective), seen));
    if (bad > run.last) continue;
    const before = runs.at(-1);
    if (before !== undefined && before[1] + 1 === bad) before[1] = run.last;
    else runs.push([bad, run.last]);
  }
  return runs;
}

function consistency({ terms: { reference }, head }: Findings): AxisState {
  if (reference === undefined) return unchecked('completeness-unwitnessed');
  return isCompared(reference, head) ? PASS : unchecked('partial');
}

function completeness({ terms: { reference, upto }, head }: Findings): AxisState {
  if (head.prefixRoots === undefined) return unchecked('partial');
  if (reference === undefined) return unchecked('completeness-unwitnessed');
  return reference.size === head.size || upto === reference.size ? PASS : unchecked('after-reference');
}

function keyStatus({ terms, head }: Findings, isRevoked: boolean, isProven: boolean): AxisState {
  if (isRevoked) return { state: 'fail', reason: 'revoked' };
  if (isSelfAsserted(terms)) return unchecked('self-asserted-key');
  if (!isProven) return unchecked('revocation-unproven');
  return head.prefixRoots === undefined ? unchecked('partial') : PASS;
}

function time({ terms: { references }, head, last }: Findings): AxisState {
  const covers = references.some((reference) => reference.received !== undefined && reference.size > last && isCompared(reference, head));
  return covers ? PASS : unchecked('operator-claimed');
}
