/** One record: where it comes from and what it led to, what was opened of it, every field, every byte. */
import { toHex } from '../src/bytes.js';
import { button, byId, code, el, fill, foreign, type Child } from './dom.js';
import { grouped, plural, short, size, utc } from './format.js';
import type { Detail, Row, Value } from './messages.js';
import { MARKS } from './records-view.js';
import { hexDump, openedValue } from './values.js';
import { CLASSES, FAILURES, KINDS, MODES, named, OUTCOMES, REAL_FACTS } from './words.js';

const ANCESTORS_SHOWN = 40;

export class RecordView {
  constructor(
    private readonly open: (index: number) => void,
    private readonly closed: () => void,
  ) {}

  show(detail: Detail): void {
    const section = byId('record');
    const { row } = detail;
    const title = `Record ${grouped(row.index)}`;
    fill(section,
      el('div', { class: 'record-head' },
        el('h3', { id: 'record-heading', tabindex: -1 }, title, row.kind !== null && el('span', { class: 'faint' }, ` ${named(KINDS, row.kind)}`)),
        button('Close', () => this.close(), { id: 'close-record' }),
      ),
      el('p', { class: 'mark-line' }, el('span', { class: `dot ${row.mark}`, 'aria-hidden': 'true' }), MARKS[row.mark], row.action !== null && ' · ', row.action !== null && foreign(row.action, { class: 'mono' })),
      detail.broken !== null && el('p', { class: 'notice bad' }, code(detail.broken), ' ', FAILURES[detail.broken] ?? ''),
      this.lineage(detail),
      openedFields(detail),
      factsOf(detail),
      fieldsOf(detail),
      bytesOf(detail),
    );
    section.hidden = false;
    section.onkeydown = (event) => {
      if (event.key === 'Escape') this.close();
    };
    byId('record-heading').focus({ preventScroll: true });
    section.scrollIntoView({ block: 'nearest' });
  }

  private close(): void {
    byId('record').hidden = true;
    this.closed();
  }

  private lineage(detail: Detail): HTMLElement {
    const { row, prev, next, seal, partner, effects, effectCount } = detail;
    const before: Child[] = [];
    const after: Child[] = [];
    if (partner !== null && partner.index < row.index) before.push(this.node('intent', partner));
    if (row.kind === 2 && partner === null) before.push(this.missing('intent', 'before this bundle'));
    for (const cause of detail.causes) {
      if (cause.row === null) before.push(this.missing('cause', `record ${grouped(cause.index)}, outside this bundle`));
      else before.push(this.node('cause', cause.row, cause.same === false ? 'it names another digest than that of this record' : null));
    }
    if (prev !== null) before.push(this.node('previous', prev));
    else if (row.index > 0) before.push(this.missing('previous', `record ${grouped(row.index - 1)}, outside this bundle`));
    if (partner !== null && partner.index > row.index) after.push(this.node('outcome', partner));
    if (row.kind === 1 && partner === null) after.push(this.missing('outcome', 'none in this bundle'));
    for (const effect of effects) after.push(this.node('names it as cause', effect));
    if (effectCount > effects.length) after.push(this.missing('cause of', `${grouped(effectCount - effects.length)} more records`));
    if (next !== null) after.push(this.node('next', next));
    if (seal !== null && row.mode === 1) after.push(this.node('sealed by', seal));
    return el('section', { class: 'lineage', 'aria-label': 'Lineage' },
      el('div', {}, el('h4', {}, 'Comes from'), el('ul', {}, ...(before.length > 0 ? before : [el('li', { class: 'faint' }, 'the beginning of the log')]))),
      el('div', {}, el('h4', {}, 'Leads to'), el('ul', {}, ...(after.length > 0 ? after : [el('li', { class: 'faint' }, 'nothing in this bundle')]))),
      this.ancestors(detail),
    );
  }

  private ancestors({ ancestors }: Detail): Child {
    if (ancestors.length === 0) return null;
    const shown = ancestors.slice(0, ANCESTORS_SHOWN);
    const links = shown.flatMap((index, i) => [i > 0 && ' ', button(grouped(index), () => this.open(index), { class: 'link', 'aria-label': `Record ${index}` })]);
    const more = ancestors.length > shown.length ? ` and ${grouped(ancestors.length - shown.length)} more` : '';
    return el('p', { class: 'ancestors' }, el('span', { class: 'faint' }, `The whole line, by causes and intents: ${plural(ancestors.length, 'earlier record')}: `), ...links, more);
  }

  private node(role: string, row: Row, wrong: string | null = null): HTMLElement {
    const what = [row.kind === null ? 'unreadable' : named(KINDS, row.kind), row.outcome === null ? null : named(OUTCOMES, row.outcome)].filter((part) => part !== null);
    return el('li', {},
      el('span', { class: 'role' }, role),
      button(grouped(row.index), () => this.open(row.index), { class: 'link', 'aria-label': `${role}: record ${row.index}` }),
      el('span', { class: 'what' }, what.join(', '), row.action !== null && ' · ', row.action !== null && foreign(row.action)),
      wrong !== null && el('span', { class: 'wrong' }, wrong),
    );
  }

  private missing(role: string, text: string): HTMLElement {
    return el('li', { class: 'faint' }, el('span', { class: 'role' }, role), text);
  }
}

/** What is known of a committed field, by the openings of its record that are shown, and how many there are. */
export function stateOf(label: string, opened: readonly { label: string }[], openedCount: number, erased: readonly { label: string }[]): 'opened' | 'erased' | 'not shown' | 'not opened' {
  if (opened.some((field) => field.label === label)) return 'opened';
  if (erased.some((field) => field.label === label)) return 'erased';
  return openedCount > opened.length ? 'not shown' : 'not opened';
}

/** What was committed to: opened with its value, erased, or kept by the operator. */
function openedFields({ row, fields, opened, erased }: Detail): Child {
  const commitments = fields?.get(13n);
  const labels = commitments instanceof Map ? [...commitments] : [];
  const known = new Set(labels.map(([label]) => label));
  const stray = opened.filter(({ label }) => !known.has(label));
  if (labels.length + stray.length === 0) return null;
  const one = ([label, digest]: [bigint | string, Value]): HTMLElement => {
    const name = String(label);
    const opening = opened.find((field) => field.label === name);
    const by = erased.find((field) => field.label === name)?.by;
    const state = stateOf(name, opened, row.opened, erased);
    const kept = state === 'not shown' ? 'Whether it is opened is not shown: the record has too many openings.' : 'The operator committed to it and did not open it.';
    const held = by !== undefined ? `Its contents were erased, as record ${grouped(by)} says.` : kept;
    return el('div', { class: 'field', 'data-state': state },
      el('h5', {}, foreign(name), el('span', { class: `tag ${state === 'erased' ? 'erased' : ''}` }, state), opening !== undefined && el('span', { class: 'faint' }, ` ${size(opening.value.length)}`)),
      opening !== undefined ? openedValue(name, opening.value) : el('p', { class: 'faint' }, held),
      el('p', { class: 'faint small' }, 'commitment ', code(digest instanceof Uint8Array ? short(toHex(digest)) : '?'), opening !== undefined && ' salt ', opening !== undefined && code(short(toHex(opening.salt)))),
    );
  };
  const unknown = stray.map((field) =>
    el('div', { class: 'field', 'data-state': 'stray' }, el('h5', {}, foreign(field.label), el('span', { class: 'tag erased' }, 'not among the commitments')), openedValue(field.label, field.value)),
  );
  const more = row.opened > opened.length && el('p', { class: 'faint', id: 'more-opened' }, `${plural(row.opened - opened.length, 'more opening')} of this record, not shown: no record commits to so many fields.`);
  return el('section', { class: 'fields', 'aria-label': 'Committed fields' }, el('h4', {}, 'Committed fields'), ...labels.map(one), ...unknown, more);
}

function factsOf({ fields }: Detail): Child {
  const facts = fields?.get(12n);
  if (!(facts instanceof Map) || facts.size === 0) return null;
  return el('section', { 'aria-label': 'Facts' }, el('h4', {}, 'Facts, as the operator states them'), pairs([...facts].map(([label, value]) => [foreign(String(label)), factValue(String(label), value)])));
}

function factValue(label: string, value: Value): Child {
  if (REAL_FACTS.has(label) && value instanceof Uint8Array && value.length === 4) {
    return el('span', {}, shortest(new DataView(value.buffer, value.byteOffset, 4).getFloat32(0)), el('span', { class: 'faint' }, ` binary32 ${toHex(value)}`));
  }
  return plainValue(value);
}

/** The shortest decimal that names this binary32 number. */
function shortest(real: number): string {
  for (let digits = 1; digits < 9; digits += 1) {
    const decimal = Number(real.toPrecision(digits));
    if (Math.fround(decimal) === real) return String(decimal);
  }
  return String(real);
}

function plainValue(value: Value): Child {
  if (typeof value === 'bigint') return grouped(value);
  if (typeof value === 'string') return foreign(value);
  if (value instanceof Uint8Array) return value.length <= 64 ? code(toHex(value), { class: 'digest' }) : longBytes(value);
  if (Array.isArray(value)) return value.length === 0 ? '(empty list)' : el('ol', { class: 'values' }, ...value.slice(0, 100).map((item) => el('li', {}, plainValue(item))), value.length > 100 && el('li', {}, `… ${value.length - 100} more`));
  return pairs([...value].map(([key, item]) => [foreign(String(key)), plainValue(item)]));
}

function longBytes(value: Uint8Array): HTMLElement {
  return el('details', {}, el('summary', {}, `${size(value.length)} of bytes, ${toHex(value.subarray(0, 8))}…`), hexDump(value));
}

function fieldsOf({ row, fields, digest, leaf, signatureSize, bytes }: Detail): HTMLElement {
  const lines: [Child, Child][] = [];
  const hex = (value: Value | undefined): Child => (value instanceof Uint8Array ? code(toHex(value), { class: 'digest' }) : '–');
  const pair = (key: bigint): Value[] => {
    const value = fields?.get(key);
    return Array.isArray(value) ? value : [];
  };
  if (fields !== null) {
    const [boot, monotonic] = pair(6n);
    const [, actor] = pair(8n);
    const [authority, version] = pair(9n);
    lines.push(['claimed time', row.time === null ? '–' : `${utc(row.time)} UTC`]);
    lines.push(['actor', el('span', {}, `${named(CLASSES, row.actorClass)} `, hex(actor))]);
    if (row.outcome !== null) lines.push(['outcome', named(OUTCOMES, row.outcome)]);
    if (fields.has(14n)) lines.push(['intent', hex(fields.get(14n))]);
    lines.push(['authority', el('span', {}, 'policy ', hex(authority), typeof version === 'bigint' ? ` version ${grouped(version)}` : '')]);
    lines.push(['boot', el('span', {}, hex(boot), typeof monotonic === 'bigint' ? ` ${grouped(monotonic / 1_000_000n)} ms since` : '')]);
    lines.push(['signing', signing(row, signatureSize)]);
    lines.push(['key id', hex(fields.get(17n))]);
    lines.push(['log id', hex(fields.get(2n))]);
    lines.push(['previous', hex(fields.get(4n))]);
    if (fields.has(19n)) lines.push(['extensions', plainValue(fields.get(19n)!)]);
  }
  lines.push(['digest D', code(digest, { class: 'digest' })], ['leaf hash', code(leaf, { class: 'digest' })], ['size', size(bytes.length)]);
  return el('details', { open: true, class: 'all-fields' }, el('summary', {}, 'Fields and digests'), pairs(lines));
}

function signing(row: Row, signatureSize: number | null): string {
  const mode = named(MODES, row.mode);
  if (signatureSize === null) return `${mode}; its signature was not reached`;
  return signatureSize > 0 ? `${mode}: a signature of ${grouped(signatureSize)} bytes beside it` : `${mode}: covered by the next seal or the checkpoint`;
}

function bytesOf({ bytes }: Detail): HTMLElement {
  const details = el('details', { class: 'raw' }, el('summary', {}, `The record’s ${plural(bytes.length, 'byte')}`));
  // Built when it is wanted: a record may have 60 KiB.
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1) details.append(hexDump(bytes));
  });
  return details;
}

function pairs(lines: [Child, Child][]): HTMLElement {
  return el('dl', { class: 'pairs' }, ...lines.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}
