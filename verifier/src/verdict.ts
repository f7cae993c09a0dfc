/** Verdicts, reasons, axes and the report by spec/verdict.md. */
import type { Misused } from './misuse.js';
import { refusedText, type Scope } from './scope.js';

/** Axes in the order of the spec's table, which decides which reason a STALE verdict gives. */
export const AXES = [
  'integrity',
  'authenticity',
  'inclusion',
  'consistency',
  'completeness',
  'key-status',
  'time',
  'pairing',
  'disclosure',
] as const;
export type Axis = (typeof AXES)[number];

export const REQUIRED_BY_DEFAULT: readonly Axis[] = AXES.slice(0, 6);

/** The failures in the order of the rows of "Steps": reason, step, the axis that fails (null: no verdict, exit 4). */
const FAILURES = [
  ['not-a-bundle', 1, null],
  ['unsupported-version', 1, null],
  ['malformed-bundle', 2, 'integrity'],
  ['no-records', 2, 'integrity'],
  ['malformed-record', 3, 'integrity'],
  ['unsupported-kind', 3, null],
  ['unsupported-extension', 3, null],
  ['log-id', 4, 'integrity'],
  ['genesis', 4, 'integrity'],
  ['index', 5, 'integrity'],
  ['prev', 6, 'integrity'],
  ['after-terminal', 7, 'integrity'],
  ['pairing-order', 8, 'pairing'],
  ['too-many-open', 9, 'pairing'],
  ['seal', 10, 'integrity'],
  ['signing-mode', 11, 'authenticity'],
  ['malformed-signature', 12, 'authenticity'],
  ['unknown-key', 13, 'authenticity'],
  ['signature', 14, 'authenticity'],
  ['opening', 15, 'disclosure'],
  ['genesis-key', 16, 'authenticity'],
  ['key-event', 16, 'authenticity'],
  ['key-history', 16, 'authenticity'],
  ['pre-rotation', 16, 'authenticity'],
  ['rotation-proof', 16, 'authenticity'],
  ['erase', 16, 'integrity'],
  ['time-bounds', 16, 'time'],
  ['malformed-checkpoint', 17, 'inclusion'],
  ['checkpoint-origin', 17, 'inclusion'],
  ['checkpoint-key', 17, 'authenticity'],
  ['root', 18, 'inclusion'],
  ['event-path', 18, 'inclusion'],
  ['checkpoint-signature', 19, 'authenticity'],
  ['malformed-light-proof', 20, 'completeness'],
  ['malformed-genesis', 20, 'completeness'],
  ['genesis-params', 20, 'completeness'],
  ['genesis-sum', 20, 'completeness'],
  ['malformed-header', 20, 'completeness'],
  ['malformed-certificate', 20, 'completeness'],
  ['malformed-validators', 20, 'completeness'],
  ['malformed-entry', 20, 'completeness'],
  ['chain', 20, 'completeness'],
  ['height', 20, 'completeness'],
  ['validator-set', 20, 'completeness'],
  ['round', 20, 'completeness'],
  ['quorum', 20, 'completeness'],
  ['vote-signature', 20, 'completeness'],
  ['state-root', 20, 'completeness'],
  ['settlement', 20, 'completeness'],
  ['truncated', 20, 'completeness'],
  ['fork', 20, 'consistency'],
] as const satisfies readonly (readonly [string, number, Axis | null])[];
export type Reason = (typeof FAILURES)[number][0];
/** Those of a settlement: of its light proof, or `settlement` itself. */
export type SettlementReason = Exclude<Extract<(typeof FAILURES)[number], readonly [string, 20, Axis]>[0], 'truncated' | 'fork'>;
export const SETTLEMENT_REASONS = FAILURES.filter(([reason, step]) => step === 20 && reason !== 'truncated' && reason !== 'fork').map(([reason]) => reason as SettlementReason);
export const REASONS: readonly Reason[] = FAILURES.map(([reason]) => reason);

/** Wrong usages, in the order in which they are looked for ("Input"). */
export const MISUSES = ['misuse-policy', 'misuse-key', 'misuse-reference', 'misuse-upto', 'misuse-require', 'misuse-revocation', 'misuse-age', 'misuse-chain'] as const;
export type Misuse = (typeof MISUSES)[number];

/** Exit codes ("Verdicts"); 64 is a wrong usage. */
export const EXIT = { verified: 0, invalid: 1, stale: 2, revoked: 3, none: 4, misuse: 64 } as const;

/** A failure and where it is. An opening may name any index up to 2^64 − 1. */
export interface Failure {
  reason: Reason;
  index: number | bigint | null;
}

export type AxisState = { state: 'pass' } | { state: 'fail' | 'unchecked'; reason: string };
export type Axes = { [axis in Axis]: AxisState };

export interface Report {
  verdict: 'VERIFIED' | 'INVALID' | 'REVOKED' | 'STALE' | null;
  exit: number;
  reason: string | null;
  index: number | bigint | null;
  step: number | null;
  axes: Axes;
  scope: Scope;
}

export const PASS: AxisState = { state: 'pass' };

export function unchecked(reason: string): AxisState {
  return { state: 'unchecked', reason };
}

/** True if `a` comes before `b`: the lowest index, then the lowest step, then the earlier row. */
export function comesBefore(a: Failure, b: Failure): boolean {
  const [indexA, indexB] = [a.index ?? -1, b.index ?? -1];
  return indexA === indexB ? REASONS.indexOf(a.reason) < REASONS.indexOf(b.reason) : indexA < indexB;
}

/** The report of a failure: INVALID, or no verdict where the verifier lacks something. */
export function failureReport(failure: Failure, scope: Scope, referenceSize: number | undefined): Report {
  const [reason, step, axis] = FAILURES[REASONS.indexOf(failure.reason)]!;
  const axes = notReached();
  if (axis !== null) axes[axis] = { state: 'fail', reason };
  const have = reason === 'truncated' ? `, have ${scope.size} < ${referenceSize}` : '';
  const place = failure.index === null ? '' : ` at index ${failure.index}`;
  return {
    verdict: axis === null ? null : 'INVALID',
    exit: axis === null ? EXIT.none : EXIT.invalid,
    reason,
    index: failure.index,
    step,
    axes,
    scope: { ...scope, text: refusedText(scope, `${reason}${have}${place}, step ${step}`) },
  };
}

/** What besides the axes decides a verdict that no step contradicts. */
export interface Circumstances {
  required: readonly Axis[];
  selfAsserted: boolean;
  tooOld: boolean;
}

/** The report when every step passed: REVOKED, STALE for the first thing that is lacking, or VERIFIED. */
export function passedReport(axes: Axes, circumstances: Circumstances, scope: Scope): Report {
  const found = { index: null, step: null, axes, scope };
  if (axes['key-status'].state === 'fail') return { verdict: 'REVOKED', exit: EXIT.revoked, reason: 'revoked', ...found };
  const lacking = whatIsLacking(axes, circumstances);
  if (lacking === undefined) return { verdict: 'VERIFIED', exit: EXIT.verified, reason: null, ...found };
  return { verdict: 'STALE', exit: EXIT.stale, reason: lacking, ...found };
}

function whatIsLacking(axes: Axes, { required, selfAsserted, tooOld }: Circumstances): string | undefined {
  if (selfAsserted) return 'self-asserted-key';
  const reasons = AXES.filter((axis) => required.includes(axis)).map((axis) => reasonOf(axes[axis]));
  return reasons.find((reason) => reason !== undefined) ?? (tooOld ? 'too-old' : undefined);
}

/** A wrong usage: no verdict, exit 64 ("Input"). The sentence says what is wrong and what to do. */
export function misuseReport({ misuse: reason, why }: Misused, scope: Scope): Report {
  const text = `wrong usage: ${why}`;
  return { verdict: null, exit: EXIT.misuse, reason, index: null, step: null, axes: notReached(), scope: { ...scope, text } };
}

/** The report as one line of JSON ("Report"). An index above 2^53 keeps all its digits. */
export function toJson(report: Report): string {
  const { verdict, exit, reason, index, step, axes, scope } = report;
  const json = JSON.stringify;
  const found = `"verdict":${json(verdict)},"exit":${exit},"reason":${json(reason)},"index":${index},"step":${step}`;
  return `{${found},"axes":${json(axes)},"scope":${json(scope)}}`;
}

/** The report as people read it: the verdict, the axes, the scope sentence. */
export function toText(report: Report): string {
  const head = [report.verdict ?? 'NO VERDICT', report.reason].filter((word) => word !== null).join(' ');
  const lines = AXES.map((axis) => {
    const { state, reason } = { reason: '', ...report.axes[axis] };
    return `  ${axis.padEnd(14)}${state}  ${reason}`.trimEnd();
  });
  return [head, ...lines, report.scope.text].join('\n');
}

export function notReached(): Axes {
  return Object.fromEntries(AXES.map((axis) => [axis, unchecked('not-reached')])) as Axes;
}

function reasonOf(axis: AxisState): string | undefined {
  return axis.state === 'pass' ? undefined : axis.reason;
}
