/** Builds elements. Whatever comes from a file enters the document here, as text and never as markup. */

export type Child = Node | string | null | undefined | false;
type Attributes = { readonly [name: string]: string | number | boolean | null | undefined };

/** `<tag …>children</tag>`. A true attribute is there without a value; one that is false, null or undefined is not there. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  put(element, ...children);
  return element;
}

/** Replaces what the element holds. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  put(element, ...children);
}

export function put(element: Element, ...children: Child[]): void {
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child);
}

/** The element of the page's own markup with this id. */
export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as T;
}

export function button(label: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = el('button', { type: 'button', ...attributes }, label);
  element.addEventListener('click', act);
  return element;
}

/** A code in the fixed-width face. */
export function code(text: string, attributes: Attributes = {}): HTMLElement {
  return el('code', attributes, text);
}

/** Text from a file, on its own for the direction of writing, with what cannot be seen made visible. */
export function foreign(text: string, attributes: Attributes = {}): HTMLElement {
  return el('bdi', attributes, visible(text));
}

/** Control, formatting and bidirectional characters could make a text read as another one: each is shown by its number. */
export function visible(text: string, keep = ''): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu, (character) => {
    if (keep.includes(character)) return character;
    return `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}
