/** Joins the page into one file, dist/verifier.html: one script and one style, and a policy that lets nothing else be. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const to = process.argv[2] ?? join(root, 'dist/verifier.html');

/** Readable on purpose: whoever doubts the page can read its source. Licence notices stay where they are. */
const bundled = await build({
  absWorkingDir: root,
  entryPoints: ['page/main.ts'],
  bundle: true,
  format: 'iife',
  platform: 'browser',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'inline',
  tsconfig: 'tsconfig.page.json',
  write: false,
});
const script = inside('script', bundled.outputFiles[0].text);
const style = inside('style', readFileSync(join(here, 'style.css'), 'utf8'));

const policy = [
  "default-src 'none'",
  `script-src '${hash(script)}'`,
  `style-src '${hash(style)}'`,
  // The worker is made from the page's own script.
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  // No string becomes markup or code; the one address that is made is the worker's.
  "require-trusted-types-for 'script'",
  'trusted-types oar-worker',
].join('; ');

let html = readFileSync(join(here, 'index.html'), 'utf8');
for (const [name, text] of Object.entries({ POLICY: policy, STYLE: style, SCRIPT: script })) {
  const parts = html.split(`%${name}%`);
  if (parts.length !== 2) throw new Error(`index.html must have %${name}% once`);
  html = parts.join(text);
}
mkdirSync(dirname(to), { recursive: true });
writeFileSync(to, html);

/** Text that stands inside an element of this name and cannot end it. */
function inside(name, text) {
  const unix = text.replaceAll('\r\n', '\n');
  if (unix.toLowerCase().includes(`</${name}`) || unix.includes('<!--')) throw new Error(`what goes into <${name}> would end it`);
  return unix;
}

function hash(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
