/** Opened values and raw bytes: as messages, tokens, text or hexadecimal, always as text and a bounded piece at a time. */
import { decodeUtf8, toHex } from '../src/bytes.js';
import { decodeForm, type Value } from '../src/cbor.js';
import { button, el, fill, foreign, visible, type Child } from './dom.js';
import { grouped, size } from './format.js';

const SHOWN_MAX = 16_384;
/** Messages of one prompt that are read as such; a prompt of more is shown as its text or its bytes. */
const MESSAGES_MAX = 65_536;

interface Way {
  name: string;
  show(): HTMLElement;
}

/** An opened value, in the way that suits it first; the other ways are one press away. */
export function openedValue(label: string, value: Uint8Array): HTMLElement {
  const ways = waysOf(label, value);
  const place = el('div', { class: 'value' });
  const tabs = ways.map((way, i) => button(way.name, () => choose(i), { class: 'tab' }));
  const choose = (chosen: number): void => {
    tabs.forEach((tab, i) => tab.setAttribute('aria-pressed', String(i === chosen)));
    fill(place, ways[chosen]!.show());
  };
  choose(0);
  return el('div', {}, el('div', { class: 'tabs', role: 'group', 'aria-label': 'Show as' }, ...tabs), place);
}

/** Sixteen bytes a line with their place; what is long comes in pieces. */
export function hexDump(bytes: Uint8Array): HTMLElement {
  return pieces(bytes, (piece, from) => {
    const lines: string[] = [];
    for (let at = 0; at < piece.length; at += 16) {
      const line = toHex(piece.subarray(at, at + 16)).replace(/(..)/g, '$1 ').trimEnd();
      lines.push(`${(from + at).toString(16).padStart(6, '0')}  ${line}`);
    }
    return lines.join('\n');
  }, 4096);
}

function waysOf(label: string, value: Uint8Array): Way[] {
  const ways: Way[] = [];
  const said = messagesIn(value);
  if (said !== undefined) ways.push({ name: 'Messages', show: () => messages(said) });
  if (label.endsWith('_tokens') && value.length % 4 === 0) ways.push({ name: 'Tokens', show: () => tokens(value) });
  const text = decodeUtf8(value);
  if (text !== undefined && said === undefined) ways.push({ name: 'Text', show: () => textIn(text) });
  ways.push({ name: 'Hex', show: () => hexDump(value) });
  return ways;
}

/** record.md: a prompt is `[+ [role tstr, content tstr]]`. */
function messagesIn(value: Uint8Array): [string, string][] | undefined {
  let decoded: Value;
  try {
    // The list, and of each message its array, role and content: a value of nothing but items is refused before all of them are objects.
    decoded = decodeForm(value, 1 + 3 * MESSAGES_MAX);
  } catch {
    return undefined;
  }
  const isMessage = (item: Value): item is [string, string] => Array.isArray(item) && item.length === 2 && item.every((part) => typeof part === 'string');
  return Array.isArray(decoded) && decoded.length > 0 && decoded.every(isMessage) ? (decoded as [string, string][]) : undefined;
}

function messages(said: [string, string][]): HTMLElement {
  const one = ([role, content]: [string, string]): Child[] => [el('dt', {}, foreign(role)), el('dd', {}, textIn(content))];
  return el('dl', { class: 'messages' }, ...said.slice(0, 200).flatMap(one), said.length > 200 && el('dd', {}, `… ${said.length - 200} more messages`));
}

function tokens(value: Uint8Array): HTMLElement {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return pieces(value, (piece, from) => Array.from({ length: piece.length / 4 }, (_, i) => view.getUint32(from + 4 * i, true)).join(' '), SHOWN_MAX);
}

function textIn(text: string): HTMLElement {
  if (text === '') return el('p', { class: 'faint' }, '(empty)');
  const box = el('pre', { class: 'text', dir: 'auto', tabindex: 0 }, visible(text.slice(0, SHOWN_MAX), '\n\t'));
  if (text.length <= SHOWN_MAX) return box;
  const more = button(`Show all ${grouped(text.length)} characters`, () => {
    box.textContent = visible(text, '\n\t');
    more.remove();
  });
  return el('div', {}, box, more);
}

/** Shows the bytes piece by piece; `text` makes the text of a piece that begins at `from`. */
function pieces(bytes: Uint8Array, text: (piece: Uint8Array, from: number) => string, step: number): HTMLElement {
  const box = el('pre', { class: 'hex', tabindex: 0 });
  const more = button('', () => next());
  let at = 0;
  const next = (): void => {
    box.append((at > 0 ? '\n' : '') + text(bytes.subarray(at, at + step), at));
    at = Math.min(at + step, bytes.length);
    more.textContent = `Show more, ${size(bytes.length - at)} left`;
    more.hidden = at === bytes.length;
  };
  if (bytes.length === 0) box.append('(empty)');
  else next();
  return el('div', {}, box, bytes.length > step && more);
}
