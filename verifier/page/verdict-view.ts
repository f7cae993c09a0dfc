/** The verdict as people read it: the word, the scope sentence, where it first failed, each axis, what is covered and what is not. */
import { toHex } from '../src/bytes.js';
import { isMisused } from '../src/misuse.js';
import { parseReference } from '../src/reference.js';
import type { Scope } from '../src/scope.js';
import type { Settled } from '../src/settlement.js';
import { AXES, EXIT, REQUIRED_BY_DEFAULT, type Axis, type AxisState, type Report } from '../src/verdict.js';
import { button, byId, code, el, fill, foreign, type Child } from './dom.js';
import { grouped, plural, seconds, size, utc } from './format.js';
import type { Misused, Policy, Totals } from './messages.js';
import { AXIS_MEANING, EXITS, FAILURES, UNCHECKED, VERDICTS } from './words.js';

export interface Judged {
  report: Report;
  json: string;
  totals: Totals;
  /** The file is a fork proof, not a bundle. */
  fork: boolean;
  policy: Policy | Misused;
  fileName: string;
  fileSize: number;
  took_ms: number;
  at: Date;
}

export function showVerdict(judged: Judged, openRecord: (index: number) => void): void {
  const { report } = judged;
  // Of a policy that cannot be read nothing is known: neither keys nor references nor axes.
  const policy = isMisused(judged.policy) ? {} : judged.policy;
  const word = report.verdict ?? 'NO VERDICT';
  const { tone, says } = VERDICTS[word] ?? VERDICTS['NO VERDICT']!;
  const result = byId('result');
  result.dataset['tone'] = tone;
  fill(
    result,
    el('div', { class: 'verdict' },
      el('div', { class: 'verdict-head' },
        glyph(tone),
        el('h2', { id: 'verdict-heading', tabindex: -1 }, el('span', { id: 'verdict-word' }, word)),
        report.reason !== null && code(report.reason, { id: 'verdict-reason' }),
        el('span', { id: 'exit', class: 'faint', 'data-exit': report.exit }, `exit ${report.exit}, ${EXITS[report.exit]}`),
      ),
      el('p', { id: 'scope-text' }, report.scope.text),
      el('p', { class: 'says' }, saysOf(judged, says)),
      firstBad(report, judged.totals, openRecord),
    ),
    el('div', { class: 'columns' },
      axesTable(report, policy),
      el('div', { class: 'coverage' }, coveredCard(judged), notCoveredCard(judged, openRecord)),
    ),
    identity(judged, policy),
    actions(judged),
  );
  result.hidden = false;
}

/** The digest of the file comes later than the verdict. */
export function showFileDigest(hex: string): void {
  const place = document.getElementById('file-digest');
  if (place !== null) fill(place, code(hex, { class: 'digest' }));
}

function saysOf({ report: { verdict, reason, exit }, fork }: Judged, says: string): string {
  if (fork && exit !== EXIT.misuse) return reason === 'fork' ? 'Two signed checkpoints of one log contradict each other: whoever holds this file can show it.' : 'This file proves no fork.';
  if (verdict === 'STALE' && reason !== null) return `${says} ${UNCHECKED[reason] ?? ''}`.trimEnd();
  if (exit === EXIT.misuse) return 'What you brought cannot be used as it is, so this says nothing about the file.';
  return says;
}

function firstBad({ index, step, reason, verdict }: Report, totals: Totals, openRecord: (index: number) => void): Child {
  if (reason === null || step === null) return null;
  const listed = typeof index === 'number' && index >= totals.first && index < totals.first + totals.listed;
  const place = index === null ? [`Step ${step}`] : [`Index ${grouped(index)}`, `step ${step}`];
  return el('div', { class: 'first-bad', id: 'first-bad' },
    el('p', { class: 'where' }, el('span', {}, verdict === 'INVALID' ? 'First failure' : 'Stopped at'), el('strong', {}, place.join(' · ')), code(reason)),
    el('p', {}, FAILURES[reason] ?? '', step >= 17 && ' It is about the checkpoint, after the last record.'),
    listed && button(`Show record ${grouped(index as number)}`, () => openRecord(index as number), { class: 'screen' }),
  );
}

function axesTable({ axes }: Report, policy: Policy): HTMLElement {
  const required = policy.require ?? REQUIRED_BY_DEFAULT;
  const row = (axis: Axis): HTMLElement => {
    const state: AxisState & { reason?: string } = axes[axis];
    return el('tr', { 'data-state': state.state, 'data-why': state.reason, 'data-axis': axis },
      el('th', { scope: 'row' }, axis, required.includes(axis) && el('span', { class: 'required' }, 'required')),
      el('td', { class: 'state' }, el('span', { class: `dot ${state.state}`, 'aria-hidden': 'true' }), state.state),
      el('td', {}, el('span', { class: 'meaning' }, AXIS_MEANING[axis]), state.reason !== undefined && el('span', { class: 'why' }, code(state.reason))),
    );
  };
  return el('div', { class: 'card' },
    el('h3', { id: 'axes-heading' }, 'Axis by axis'),
    el('table', { class: 'axes', 'aria-labelledby': 'axes-heading' },
      el('thead', { class: 'sr' }, el('tr', {}, el('th', { scope: 'col' }, 'Axis'), el('th', { scope: 'col' }, 'State'), el('th', { scope: 'col' }, 'What it means, and why'))),
      el('tbody', {}, ...AXES.map(row)),
    ),
  );
}

function coveredCard({ report }: Judged): HTMLElement {
  const { scope, verdict, exit } = report;
  const nothing = verdict === null || verdict === 'INVALID';
  const count = scope.first === null || scope.last === null ? 0 : scope.last - scope.first + 1;
  const passed = AXES.filter((axis) => report.axes[axis].state === 'pass').length;
  const body = nothing
    ? el('p', { class: 'nothing' }, exit === EXIT.misuse ? 'Nothing: what you brought could not be used.' : 'Nothing.')
    : el('ul', {},
        el('li', {}, el('strong', {}, plural(count, 'record')), `, index ${grouped(scope.first!)}${count > 1 ? ` to ${grouped(scope.last!)}` : ''}`),
        el('li', {}, `${passed} of ${AXES.length} axes pass`),
        el('li', {}, scope.opened === 0 ? 'No field is opened: the contents stay with the operator' : `${plural(scope.opened, 'opened field')}, each as committed`),
      );
  return el('section', { class: 'card covered', 'aria-label': 'Covered' }, el('h3', {}, 'Covered'), body);
}

function notCoveredCard({ report }: Judged, openRecord: (index: number) => void): HTMLElement {
  const { scope, axes, verdict } = report;
  const items: Child[] = [];
  const standing = verdict !== null && verdict !== 'INVALID';
  if (standing) {
    const reasons = new Map<string, Axis[]>();
    for (const axis of AXES) {
      const state = axes[axis];
      if (state.state !== 'pass') reasons.set(state.reason, [...(reasons.get(state.reason) ?? []), axis]);
    }
    for (const [reason, of] of reasons) {
      items.push(el('li', {}, el('strong', {}, of.join(', ')), ' ', UNCHECKED[reason] ?? FAILURES[reason] ?? code(reason)));
    }
    items.push(el('li', {}, el('strong', {}, scope.first === 0 ? 'later records' : 'earlier and later records'), ' The operator may have them, and need not show them.'));
  } else items.push(el('li', {}, 'No record of this file is covered by anything that was checked.'));
  items.push(...moreItems(scope, openRecord));
  if (scope.open_intents.length > 0) {
    items.push(el('li', {}, el('strong', {}, 'intents without outcome'), ' ', ...indexLinks(scope.open_intents, openRecord)));
  }
  items.push(el('li', {}, el('strong', {}, 'the facts themselves'), ' A signature proves who said so and in which order, not that it is so.'));
  items.push(el('li', {}, el('strong', {}, 'anything else'), ' An act that was never recorded leaves no trace here.'));
  return el('section', { class: 'card not-covered', 'aria-label': 'Not covered' }, el('h3', {}, 'Not covered'), el('ul', {}, ...items));
}

function moreItems({ erased, revoked }: Scope, openRecord: (index: number) => void): Child[] {
  const items: Child[] = [];
  if (revoked.length > 0) {
    items.push(el('li', { id: 'revoked' }, el('strong', {}, 'records under a revoked key'), ' ', revoked.map(rangeText).join(', ')));
  }
  if (erased.length > 0) {
    const links = erased.flatMap((field, i) => erasedLink(field, i > 0, openRecord));
    items.push(el('li', { id: 'erased' }, el('strong', {}, 'erased fields'), ' Their contents are gone, by a record that says so: ', ...links));
  }
  return items;
}

function rangeText([first, last]: [number, number]): string {
  return first === last ? grouped(first) : `${grouped(first)}–${grouped(last)}`;
}

/** An erased field as [record, label, index of the erase record]. */
function erasedLink([record, label, by]: [number, string, number], comma: boolean, openRecord: (index: number) => void): Child[] {
  return [comma && ', ', ...indexLinks([record], openRecord), ' ', foreign(label), ' by ', ...indexLinks([by], openRecord)];
}

function indexLinks(indexes: number[], openRecord: (index: number) => void): Child[] {
  return indexes.flatMap((index, i) => [i > 0 && ', ', button(grouped(index), () => openRecord(index), { class: 'link', 'aria-label': `Show record ${index}` })]);
}

function identity({ report, fileName, fileSize, took_ms, at, totals }: Judged, policy: Policy): HTMLElement {
  const { scope } = report;
  const pair = (name: string, ...value: Child[]): Child[] => [el('dt', {}, name), el('dd', {}, ...value)];
  const digest = (hex: string | null): Child => (hex === null ? '–' : code(hex, { class: 'digest' }));
  const whose = (policy.keys ?? []).length > 0 ? 'brought by you' : 'taken from the bundle, not brought by you';
  return el('dl', { class: 'identity card' },
    ...pair('File', foreign(fileName), `, ${size(fileSize)}`),
    ...pair('SHA-256 of the file', el('span', { id: 'file-digest' }, '…')),
    ...pair('Log', digest(scope.log)),
    ...pair(scope.keys.length > 1 ? 'Keys' : 'Key', ...(scope.keys.length === 0 ? ['–'] : scope.keys.flatMap((id, i) => [i > 0 && ', ', digest(id)])), scope.key !== null && el('span', { class: 'faint' }, ` ${whose}`)),
    ...pair('Your checkpoint', ...yourCheckpoint(policy)),
    ...pair('Settled', ...settlements(scope.settlements)),
    ...pair('Checkpoint in the bundle', scope.size === null ? '–' : `${plural(scope.size, 'record')}, root `, scope.size !== null && digest(scope.root)),
    ...pair('Verified', `${utc(at.getTime()).slice(0, 19)} UTC by this computer’s clock, ${plural(totals.records, 'record')} read in `, el('span', { id: 'took', 'data-ms': Math.round(took_ms) }, seconds(took_ms))),
    ...pair('By this page', code(ownHash(), { class: 'digest' })),
  );
}

/** What chains say of the log, and what of it counts. */
function settlements(all: Settled[]): Child[] {
  if (all.length === 0) return ['no'];
  return all.flatMap(({ chain, height, size: count, seats, standing }, i) => [
    i > 0 && '; ', `${plural(count, 'record')} by block ${grouped(height)} of chain `, code(chain, { class: 'digest' }), `, ${plural(seats, 'validator')} at least: ${WORTH[standing]}`,
  ]);
}

const WORTH: { [standing in Settled['standing']]: string } = {
  counted: 'you pinned this chain',
  'too-few-seats': 'one of them alone can decide, so it does not count',
  'chain-not-pinned': 'you did not pin this chain, so it does not count',
};

function yourCheckpoint({ references = [] }: Policy): Child[] {
  if (references.length === 0) return ['none'];
  return references.flatMap(({ checkpoint }, i) => {
    const parsed = parseReference(checkpoint);
    const shown = parsed === undefined ? ['cannot be read'] : [`${plural(parsed.size, 'record')}, root `, code(toHex(parsed.root), { class: 'digest' })];
    return [i > 0 && '; ', ...shown];
  });
}

/** The hash of the page's script, as its own policy has it: two pages with one hash do the same. */
function ownHash(): string {
  const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content') ?? '';
  return /script-src '([^']*)'/.exec(policy)?.[1] ?? '–';
}

function actions({ json, fileName }: Judged): HTMLElement {
  const save = (): void => {
    const url = URL.createObjectURL(new Blob([`${json}\n`], { type: 'application/json' }));
    const link = el('a', { href: url, download: `${fileName.replace(/\.oar$/, '')}.report.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return el('div', { class: 'actions' },
    button('Print this report', () => print(), { id: 'print' }),
    button('Save as JSON', save, { id: 'save' }),
    el('span', { class: 'note' }, 'The JSON is the line that the command line prints with ', code('--json'), '.'),
  );
}

/** A shape for each verdict, so that it does not hang on its colour; they are drawn in the page's own markup. */
function glyph(tone: string): Node {
  const { content } = byId<HTMLTemplateElement>('glyphs');
  return content.querySelector(`[data-tone="${tone}"]`)!.cloneNode(true);
}
