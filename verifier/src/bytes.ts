/** Small helpers on byte arrays: comparing, joining, hexadecimal, base64 and strict UTF-8. */

// `ignoreBOM` keeps a leading U+FEFF in the result: dropping it would make two encodings of one text.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return compare(a, b) === 0;
}

/** Bytewise order; a prefix comes before what it begins. Nothing compared here is secret. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return join(parts);
}

/** Like concat, for lists of any length: a spread of many thousand arguments would overflow the stack. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Bytes of an even number of hexadecimal digits, or undefined. */
export function fromHex(text: string): Uint8Array | undefined {
  return /^([0-9a-fA-F]{2})*$/.test(text) ? new Uint8Array(Buffer.from(text, 'hex')) : undefined;
}

/**
 * Bytes of canonical base64 (RFC 4648 §4, with padding, pad bits zero), or undefined.
 * Encoding what was decoded and comparing refuses every other spelling of the same bytes.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
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
