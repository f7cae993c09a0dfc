/** The shared test vectors under spec/vectors: where they are, and how they are read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `npm test` runs in the verifier's own folder. */
export const VECTORS = join(process.cwd(), '..', 'spec', 'vectors');

export interface Vector<T> {
  file: string;
  content: T;
}

/** Every JSON file of spec/vectors/<kind>/<side>; a folder that is missing or empty is an error, not a pass. */
export function readVectors<T>(kind: string, side: 'accept' | 'reject'): Vector<T>[] {
  const folder = join(VECTORS, kind, side);
  const files = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();
  if (files.length === 0) throw new Error(`no vectors in ${kind}/${side}`);
  return files.map((name) => ({
    file: `${kind}/${side}/${name}`,
    content: JSON.parse(readFileSync(join(folder, name), 'utf8')) as T,
  }));
}
