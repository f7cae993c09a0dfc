/** What a file is by what it holds, and which keys stand in a text. Nothing here knows of the document. */
import { looksLikeBundle } from '../src/bundle.js';
import { looksLikeFork } from '../src/fork.js';
import { parseKeyId, PEM_BEGIN, PEM_END, pemLines } from '../src/keys.js';
import { parseReference } from '../src/reference.js';

export type Sort = 'bundle' | 'key' | 'checkpoint' | 'policy';

/**
 * The sort of a file that begins with these bytes, which `decodeLossy` makes this text. Where they are a bundle's or a fork proof's they
 * decide alone: records say what their writer likes, a key in PEM too, and whoever drops a bundle brings no key. Whatever is nothing
 * else is taken for a bundle.
 */
export function sortOf(start: Uint8Array, text: string): Sort {
  if (looksLikeBundle(start) || looksLikeFork(start)) return 'bundle';
  // What stands above a key may be in Latin-1, and has no control bytes; a bundle whose beginning is damaged has them.
  const isText = start.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
  if (isText && (pemLines(text).includes(PEM_BEGIN) || holdsKeyId(text))) return 'key';
  if (parseReference(text) !== undefined) return 'checkpoint';
  if (/^\s*\{/.test(text)) return 'policy';
  // No key by the rules of PEM, but meant to be one: it is refused where keys belong.
  return isText && text.includes(PEM_BEGIN) ? 'key' : 'bundle';
}

/**
 * The keys in a text. Where somebody typed it, several blocks of PEM and key ids may follow each other. A file is one key in PEM, as it
 * is for the commands: blocks after its first are passed over, and one that `holdsKeyId` is to be refused. So is any other text, and is
 * read or refused as such.
 */
export function keysOf(text: string, isFile = false): string[] {
  const keys = isFile ? [] : listedIn(text);
  if (keys.length > 1) return keys;
  if (text.trim() === '') return [];
  return [holdsKeyId(text) && !isFile ? text.trim() : text];
}

/** Whether a text is a key id, between blanks or not. */
export function holdsKeyId(text: string): boolean {
  return parseKeyId(text.trim()) !== undefined;
}

/** By the lines that PEM goes by; nothing where anything else stands among them. */
function listedIn(text: string): string[] {
  const keys: string[] = [];
  let block: string[] | undefined;
  for (const line of pemLines(text)) {
    if (block !== undefined) {
      block.push(line);
      if (line !== PEM_END) continue;
      keys.push(block.join('\n'));
      block = undefined;
    } else if (line === PEM_BEGIN) {
      block = [line];
    } else {
      for (const word of line.split(/\s+/).filter((part) => part !== '')) {
        if (parseKeyId(word) === undefined) return [];
        keys.push(word);
      }
    }
  }
  return block === undefined ? keys : [];
}
