/** The list of records: two hundred at a time, filtered, each opening into its own view. */
import type { Client } from './client.js';
import { button, byId, el, fill, foreign, type Child } from './dom.js';
import { grouped, plural, utc } from './format.js';
import { PAGE_SIZE, type Filter, type Only, type Row, type Totals } from './messages.js';
import { CLASSES, KINDS, named, OUTCOMES } from './words.js';

const ONLY: [Only, string][] = [
  ['all', 'All records'],
  ['failed', 'The first failure'],
  ['open', 'Intents without outcome'],
  ['opened', 'With opened fields'],
  ['erased', 'With erased fields'],
  ['sealed', 'Sealed, without own signature'],
  ['revoked', 'Under a revoked key'],
  ['outside', 'Outside the scope'],
];

export const MARKS: { [mark in Row['mark']]: string } = {
  covered: 'covered by the verdict',
  outside: 'outside the scope of the verdict',
  revoked: 'signed by a revoked key',
  failed: 'the first failure',
  unjudged: 'read, not covered by any verdict',
};

export class RecordsView {
  private filter: Filter = { kind: null, action: null, only: 'all' };
  private page = 0;
  private matched = 0;
  private asked = 0;
  private readonly body = el('tbody');
  private readonly status = el('p', { class: 'note', id: 'records-status', role: 'status' });
  private readonly earlier = button('Earlier', () => void this.turn(-1), { id: 'earlier' });
  private readonly later = button('Later', () => void this.turn(1), { id: 'later' });

  constructor(
    private readonly client: Client,
    private readonly open: (index: number) => void,
  ) {
    this.body.addEventListener('keydown', (event) => this.move(event));
  }

  async show(totals: Totals, chosen: number | null): Promise<void> {
    const section = byId('records');
    section.hidden = totals.listed === 0;
    if (section.hidden) return;
    this.filter = { kind: null, action: null, only: 'all' };
    fill(section,
      el('div', { class: 'section-head' }, el('h2', { id: 'records-heading' }, 'Records'), el('p', { class: 'note' }, heldText(totals))),
      this.controls(totals),
      el('div', { class: 'split' },
        el('div', { class: 'list' },
          el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'List of records' }, this.table()),
          el('div', { class: 'pager' }, this.earlier, this.later, this.status),
        ),
        el('section', { id: 'record', hidden: true, 'aria-labelledby': 'record-heading' }),
      ),
    );
    if (chosen === null) await this.load(0);
    else await this.find(chosen);
  }

  /** Turns to the page where this record stands, or would stand if the filter let it through. */
  async find(index: number): Promise<void> {
    await this.take(this.client.find(this.filter, index));
    this.select(index);
  }

  /** Marks the row whose record is open. */
  select(index: number | null): void {
    for (const row of this.body.rows) {
      if (row.dataset['index'] === String(index)) row.setAttribute('aria-current', 'true');
      else row.removeAttribute('aria-current');
    }
  }

  private table(): HTMLElement {
    const head = ['Index', 'Kind', 'Action', 'Outcome', 'Lineage', 'Actor', 'Fields', 'Claimed time, UTC'];
    const columns = head.map((name) => el('th', { scope: 'col', class: `c-${name.split(/[ ,]/)[0]!.toLowerCase()}` }, name));
    return el('table', { class: 'records', 'aria-labelledby': 'records-heading' }, el('thead', {}, el('tr', {}, ...columns)), this.body);
  }

  private controls({ kinds, actions }: Totals): HTMLElement {
    const select = (label: string, id: string, options: [string, string][], change: (value: string) => void): HTMLElement => {
      const field = el('select', { id }, ...options.map(([value, text]) => el('option', { value }, text)));
      field.addEventListener('change', () => {
        change(field.value);
        void this.load(0);
      });
      return el('label', {}, el('span', {}, label), field);
    };
    const numbered = (value: string): number | null => (value === '' ? null : Number(value));
    const kindOptions = kinds.map(({ kind, count }): [string, string] => [String(kind), `${named(KINDS, kind)} (${grouped(count)})`]);
    const actionOptions = actions.slice(0, 200).map(({ action, name, count }): [string, string] => [String(action), `${foreign(name).textContent} (${grouped(count)})`]);
    return el('div', { class: 'controls', role: 'group', 'aria-label': 'Which records' },
      select('Show', 'only', ONLY, (value) => (this.filter = { ...this.filter, only: value as Only })),
      select('Kind', 'kind', [['', 'Every kind'], ...kindOptions], (value) => (this.filter = { ...this.filter, kind: numbered(value) })),
      select('Action', 'action', [['', 'Every action'], ...actionOptions], (value) => (this.filter = { ...this.filter, action: numbered(value) })),
      this.goTo(),
    );
  }

  private goTo(): HTMLElement {
    const field = el('input', { id: 'goto', inputmode: 'numeric', pattern: '[0-9]*', placeholder: 'index', size: 8, autocomplete: 'off' });
    const go = (): void => {
      if (/^[0-9]{1,16}$/.test(field.value.trim())) this.open(Number(field.value.trim()));
    };
    field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') go();
    });
    return el('span', { class: 'goto' }, el('label', {}, el('span', {}, 'Record'), field), button('Show', go));
  }

  private turn(by: number): Promise<void> {
    return this.load(this.page + by);
  }

  private load(page: number): Promise<void> {
    return this.take(this.client.list(this.filter, Math.max(0, page)));
  }

  private async take(answer: ReturnType<Client['list']>): Promise<void> {
    this.asked += 1;
    const asked = this.asked;
    const { rows, page, matched } = await answer;
    // An answer that has been overtaken by a later question is of no use.
    if (asked !== this.asked) return;
    [this.page, this.matched] = [page, matched];
    this.body.replaceChildren(...rows.map((row) => this.line(row)));
    this.status.textContent = this.statusText(rows);
    this.earlier.disabled = page === 0;
    this.later.disabled = (page + 1) * PAGE_SIZE >= matched;
  }

  private statusText(rows: Row[]): string {
    if (rows.length === 0) return 'No record is like that.';
    const from = this.page * PAGE_SIZE + 1;
    return `${grouped(from)}–${grouped(from + rows.length - 1)} of ${plural(this.matched, 'record')}`;
  }

  private line(row: Row): HTMLTableRowElement {
    const title = MARKS[row.mark];
    const line = el('tr', { 'data-index': row.index, 'data-mark': row.mark },
      el('td', { class: 'c-index' },
        el('span', { class: `dot ${row.mark}`, title, role: 'img', 'aria-label': title }),
        button(grouped(row.index), () => this.open(row.index), { class: 'link', 'aria-label': `Record ${row.index}` }),
      ),
      el('td', { class: 'c-kind' }, row.kind === null ? 'unreadable' : named(KINDS, row.kind)),
      el('td', { class: 'c-action' }, row.action === null ? '–' : foreign(row.action)),
      el('td', { class: 'c-outcome' }, row.outcome === null ? '' : named(OUTCOMES, row.outcome)),
      el('td', { class: 'c-lineage' }, ...this.lineage(row)),
      el('td', { class: 'c-actor' }, named(CLASSES, row.actorClass)),
      el('td', { class: 'c-fields' }, row.opened > 0 && el('span', { class: 'tag' }, `${row.opened} opened`), row.erased && el('span', { class: 'tag erased' }, 'erased')),
      el('td', { class: 'c-claimed' }, row.time === null ? '–' : utc(row.time).slice(0, 23)),
    );
    line.addEventListener('click', (event) => {
      if (event.target instanceof Element && event.target.closest('button') === null && getSelection()?.isCollapsed !== false) this.open(row.index);
    });
    return line;
  }

  private lineage({ partner, index, causeCount, kind }: Row): Child[] {
    const parts: Child[] = [];
    if (partner !== null) {
      parts.push(partner > index ? '→ ' : '← ', button(grouped(partner), () => this.open(partner), { class: 'link', 'aria-label': `${partner > index ? 'Outcome' : 'Intent'}: record ${partner}` }));
    } else if (kind === 1) parts.push(el('span', { class: 'tag open' }, 'no outcome'));
    if (causeCount > 0) parts.push(el('span', { class: 'faint' }, `${partner === null && kind !== 1 ? '' : ' · '}${plural(causeCount, 'cause')}`));
    return parts;
  }

  /** Arrow keys go from index to index. */
  private move(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const row = event.target instanceof Element ? event.target.closest('tr') : null;
    if (step === 0 || row === null) return;
    const other = this.body.rows[row.sectionRowIndex + step];
    other?.querySelector<HTMLElement>('.c-index button')?.focus();
    event.preventDefault();
  }
}

function heldText({ records, listed, openIntents, cutAt }: Totals): string {
  const more = listed < records ? `, of which the first ${grouped(listed)} are listed` : '';
  const open = openIntents > 0 ? `; ${plural(openIntents, 'intent')} without outcome` : '';
  const cut = cutAt === null ? '' : `; from record ${grouped(cutAt)} on, causes, opened and erased fields are too many to show`;
  return `${plural(records, 'record')} read${more}${open}${cut}`;
}
