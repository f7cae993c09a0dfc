/** Small helpers on byte arrays: comparing, joining, hexadecimal, base64 and UTF-8, strict and lossy. Nothing here is node's alone. */

// `ignoreBOM` keeps a leading U+FEFF in the result: dropping it would make two encodings of one text.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossyDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
const utf8Encoder = new TextEncoder();
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return compare(a, b) === 0;
}

/** Bytewise order; a prefix comes before what it begins. Nothing compared here is secret. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i += 1) {
    if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return join(parts);
}

/** Like concat, for lists of any length: a spread of many thousand arguments would overflow the stack. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function toHex(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += HEX[byte]!;
  return hex;
}

/** Bytes of an even number of hexadecimal digits, or undefined. */
export function fromHex(text: string): Uint8Array | undefined {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/**
 * Bytes of canonical base64 (RFC 4648 §4, with padding, pad bits zero), or undefined.
 * Encoding what was decoded and comparing refuses every other spelling of the same bytes.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return toBase64(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}

export function toBase64(bytes: Uint8Array): string {
  // In pieces: one argument for each byte of a long array would overflow the stack.
  let binary = '';
  for (let at = 0; at < bytes.length; at += 4096) binary += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(binary);
}

export function encodeUtf8(text: string): Uint8Array {
  return utf8Encoder.encode(text);
}

/** Text of valid UTF-8 (no surrogates, no overlong forms), or undefined. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Text of any bytes. What is not UTF-8 comes with U+FFFD in it, which no note and no block of a key holds. */
export function decodeLossy(bytes: Uint8Array): string {
  return lossyDecoder.decode(bytes);
}
