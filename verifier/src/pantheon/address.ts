/** Addresses by spec/pantheon.md: the digest of a key, and its text in bech32m (BIP 350). */
import { encodeUtf8 } from '../bytes.js';
import { sha3_256 } from '../hashes.js';
import { spkiOf } from '../keys.js';

const DOMAIN = encodeUtf8('pan-address-v1\0');
const PREFIX = ['pan', 'tpan'] as const;
const LETTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const CONSTANT = 0x2bc830a3;
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** 0 is the main network, 1 every other. */
export type Network = 0 | 1;

export function addressOf(rawKey: Uint8Array): Uint8Array {
  return sha3_256(DOMAIN, spkiOf(rawKey));
}

export function addressText(address: Uint8Array, network: Network): string {
  const data = fives(address);
  const checked = [...data, ...checksum(PREFIX[network], data)];
  return `${PREFIX[network]}1${checked.map((value) => LETTERS[value]!).join('')}`;
}

/** The 32 bytes, or why there are none. One text stands for one address: what is read is written again and compared. */
export function readAddress(text: string, network: Network): Uint8Array | 'malformed-address' | 'address-network' {
  const body = text.slice(text.lastIndexOf('1') + 1);
  const values = [...body].map((letter) => LETTERS.indexOf(letter));
  // 256 bits are 51 letters and one bit in the 52nd; the checksum is six.
  if (values.length !== 58 || values.includes(-1)) return 'malformed-address';
  const address = new Uint8Array(32);
  values.slice(0, 52).forEach((value, place) => {
    for (let bit = 0; bit < 5; bit += 1) {
      const at = 5 * place + bit;
      if (at < 256 && ((value >> (4 - bit)) & 1) === 1) address[at >> 3]! |= 0x80 >> (at & 7);
    }
  });
  if (addressText(address, network) === text) return address;
  return addressText(address, network === 0 ? 1 : 0) === text ? 'address-network' : 'malformed-address';
}

/** Five bits at a time, zeros at the end. */
function fives(bytes: Uint8Array): number[] {
  const bit = (at: number): number => ((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1;
  const count = Math.ceil((8 * bytes.length) / 5);
  return Array.from({ length: count }, (_, place) => [0, 1, 2, 3, 4].reduce((sum, at) => 2 * sum + bit(5 * place + at), 0));
}

function checksum(prefix: string, data: readonly number[]): number[] {
  const codes = [...prefix].map((letter) => letter.charCodeAt(0));
  const expanded = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
  const remainder = polymod([...expanded, ...data, 0, 0, 0, 0, 0, 0]) ^ CONSTANT;
  return [25, 20, 15, 10, 5, 0].map((shift) => (remainder >>> shift) & 31);
}

function polymod(values: readonly number[]): number {
  let check = 1;
  for (const value of values) {
    const top = check >>> 25;
    check = ((check & 0x1ff_ffff) << 5) ^ value;
    GENERATOR.forEach((word, bit) => {
      if (((top >> bit) & 1) === 1) check ^= word;
    });
  }
  return check;
}
