/** The built page as a person meets it: opened from its file, with no network, in a browser; nothing is asked of it that a person could not do. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { holdsKeyId } from '../page/sorting.js';
import { encodeUtf8, fromBase64, toHex } from '../src/bytes.js';
import { isMisused, type Misused } from '../src/misuse.js';
import type { Policy } from '../src/policy.js';
import { KIND, recordDigest } from '../src/record.js';
import { parseReference } from '../src/reference.js';
import { emptyScope } from '../src/scope.js';
import { AXES, misuseReport, REQUIRED_BY_DEFAULT, toJson, type Report } from '../src/verdict.js';
import { Verifier } from '../src/verify.js';
import { Files, launch, Visit } from './browser.js';
import { Log, makeKey, set } from './make.js';
import { remembering } from './remember.js';
import { sealedLog } from './sealed.js';
import { policyOf, readVectors, type BundleVector, type ForkVector } from './vectors.js';

const files = new Files();
let browser: Browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser.close();
  files.remove();
});

/** Runs `check` on a fresh page, which may ask for nothing and complain of nothing. */
async function visiting(check: (visit: Visit) => Promise<void>, options: BrowserContextOptions = {}): Promise<void> {
  const visit = await Visit.open(browser, options);
  try {
    await check(visit);
    assert.deepEqual(visit.strangeRequests(), [], 'requests');
    assert.deepEqual(visit.complaints, [], 'complaints');
  } finally {
    await visit.close();
  }
}

const KEY = makeKey(1);
const verify = remembering();
const act = (): Log => new Log(KEY).genesis().intent().outcome(1);

test('page: two builds give the same bytes, and its policy allows exactly what is in it', () => {
  const built = readFileSync('dist/verifier.html', 'utf8');
  for (const name of ['one.html', 'two.html']) {
    const path = files.write(name, '');
    execFileSync(process.execPath, ['page/build.mjs', path]);
    assert.ok(readFileSync(path, 'utf8') === built, name);
  }
  const only = (pattern: RegExp): string => {
    const found = [...built.matchAll(pattern)];
    assert.equal(found.length, 1, String(pattern));
    return found[0]![1]!;
  };
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const allowed = ["default-src 'none'", `script-src ${hash(only(/<script>([^]*?)<\/script>/g))}`, `style-src ${hash(only(/<style>([^]*?)<\/style>/g))}`];
  const rest = ['worker-src blob:', "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'", 'trusted-types oar-worker'];
  assert.equal(only(/http-equiv="Content-Security-Policy" content="([^"]*)"/g), [...allowed, ...rest].join('; '));
  assert.ok(!/\s(src|href)="(?!#)/.test(built.replace(/<script>[^]*?<\/script>/, '')), 'the markup names nothing outside');
});

test('page: what the policy forbids is refused, and seen by these tests', async () => {
  const visit = await Visit.open(browser);
  const tried = await visit.page.evaluate(async () => {
    const refused = (act: () => unknown): Promise<boolean> => Promise.resolve().then(act).then(() => false, () => true);
    const image = new Promise((resolve, reject) => Object.assign(new Image(), { onload: resolve, onerror: reject, src: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' }));
    const script = new Promise((resolve, reject) => {
      const element = Object.assign(document.createElement('script'), { onload: resolve, onerror: reject });
      try {
        element.src = 'data:text/javascript,globalThis.ran=1';
      } catch (error) {
        reject(error);
      }
      document.head.append(element);
    });
    return {
      fetch: await refused(() => fetch('data:text/plain,x')),
      image: await refused(() => image),
      script: await refused(() => script),
      markup: await refused(() => (document.body.innerHTML = '<b>x</b>')),
      worker: await refused(() => new Worker('data:text/javascript,1')),
      policy: await refused(() => (globalThis as unknown as { trustedTypes: { createPolicy(name: string): void } }).trustedTypes.createPolicy('another')),
      ran: 'ran' in globalThis,
    };
  });
  assert.deepEqual(tried, { fetch: true, image: true, script: true, markup: true, worker: true, policy: true, ran: false });
  for (const word of ['img-src', 'connect-src', 'TrustedHTML', 'TrustedScriptURL', 'another']) {
    assert.ok(visit.complaints.some((text) => text.includes(word)), `${word}: ${visit.complaints.join('\n')}`);
  }
  await visit.close();
  // Without the policy a request is made, fails for want of a network, and is counted.
  const lenient = await Visit.open(browser, { bypassCSP: true });
  assert.deepEqual(lenient.strangeRequests(), []);
  await lenient.page.evaluate(() => fetch('http://127.0.0.1:9/').catch(() => {}));
  assert.deepEqual(lenient.strangeRequests(), ['http://127.0.0.1:9/']);
  await lenient.close();
});

test('page: every vector, as the command answers it', async (context) => {
  await visiting(async (visit) => {
    for (const side of ['accept', 'reject'] as const) {
      for (const { file, content } of readVectors<BundleVector>('bundle', side)) {
        await context.test(`${file}: ${content.why}`, () => checkVector(visit, content));
      }
    }
  }, { reducedMotion: 'reduce' });
});

async function checkVector(visit: Visit, { bundle, policy, expect }: BundleVector): Promise<void> {
  const { now_ms: now, ...file } = policy;
  const brought = policyOf(policy);
  await visit.startOver();
  // A clock before 1970 is one that was never set, and says nothing.
  await visit.page.evaluate((fixed) => void (Date.now = () => fixed), now ?? -1);
  if (!isMisused(brought) && canBeTyped(file)) await giveByFields(visit, file);
  else await visit.give('policy', JSON.stringify(file));
  await visit.give('bundle', fromBase64(bundle)!);
  await visit.verdict();
  const shown = await visit.page.evaluate(() => ({
    texts: ['#verdict-word', '#verdict-reason', '#first-bad .where strong', '#scope-text'].map((wanted) => document.querySelector(wanted)?.textContent ?? null),
    exit: Number(document.querySelector<HTMLElement>('#exit')!.dataset['exit']),
    axes: [...document.querySelectorAll<HTMLElement>('tr[data-axis]')].map(({ dataset }) => [dataset['axis'], dataset['state'], dataset['why'] ?? null]),
  }));
  const report = answerOf(brought, fromBase64(bundle)!);
  const index = expect.index === null ? '' : `Index ${BigInt(expect.index).toLocaleString('en-GB')} · step `;
  const place = expect.step === null ? null : `${index || 'Step '}${expect.step}`;
  assert.deepEqual(shown.texts, [expect.verdict ?? 'NO VERDICT', expect.reason, place, expect.text ?? report.scope.text]);
  assert.equal(shown.exit, expect.exit);
  assert.deepEqual(shown.axes, AXES.map((axis) => [axis, report.axes[axis].state, { reason: null, ...report.axes[axis] }.reason]));
  for (const [axis, state] of Object.entries(expect.axes ?? {})) assert.ok(shown.axes.some(([name, seen]) => name === axis && seen === state), axis);
}

/** What the command says. */
function answerOf(policy: Policy | Misused, bundle: Uint8Array): Report {
  if (isMisused(policy)) return misuseReport(policy, emptyScope());
  const verifier = new Verifier(policy, verify);
  verifier.feed(bundle);
  return verifier.finish();
}

/** What the fields can say: one key, one checkpoint without times, axes, and `upto` where it is the checkpoint's size. */
function canBeTyped({ keys = [], references = [], require = [], upto, ...more }: Policy): boolean {
  const isPlain = references.every((reference) => Object.keys(reference).length === 1 && reference.checkpoint.trim() !== '');
  if (keys.length > 1 || keys[0]?.trim() === '' || references.length > 1 || !isPlain || Object.keys(more).length > 0) return false;
  if (!require.every((axis) => (AXES as readonly string[]).includes(axis))) return false;
  return upto === undefined || upto === parseReference(references[0]?.checkpoint ?? '')?.size;
}

async function giveByFields(visit: Visit, { keys = [], references = [], require, upto }: Policy): Promise<void> {
  // A key id is written; a file holds PEM.
  if (keys[0]) await (holdsKeyId(keys[0]) ? visit.page.fill('#key-text', keys[0]) : visit.give('key', keys[0]));
  if (references[0]) await visit.give('checkpoint', references[0].checkpoint);
  if (!require && !upto) return;
  await visit.page.evaluate(() => document.querySelector<HTMLDetailsElement>('.terms')!.setAttribute('open', ''));
  for (const axis of AXES) await visit.page.setChecked(`#required input[value="${axis}"]`, ((require ?? REQUIRED_BY_DEFAULT) as readonly string[]).includes(axis));
  if (upto) await visit.page.check('#upto');
}

test('page: the report that is saved is the one that the command line prints', async () => {
  await visiting(async (visit) => {
    const log = act().intent();
    const policy = { keyId: toHex(KEY.publicKey.id), reference: `3:${toHex(log.root(3))}` };
    await visit.page.fill('#key-text', `  ${policy.keyId}\n`);
    await visit.page.fill('#checkpoint-text', ` ${policy.reference} `);
    await visit.give('bundle', log.bundle({}, log.openings), 'case.oar');
    assert.equal(await visit.verdict(), 'STALE');
    const [download] = await Promise.all([visit.page.waitForEvent('download'), visit.page.click('#save')]);
    assert.equal(download.suggestedFilename(), 'case.report.json');
    const verifier = new Verifier(policy);
    verifier.feed(log.bundle({}, log.openings));
    assert.equal(readFileSync(await download.path(), 'utf8'), `${toJson(verifier.finish())}\n`);
    await visit.page.waitForFunction(() => document.querySelector('#file-digest')?.textContent !== '…');
    assert.equal(await visit.text('#file-digest'), createHash('sha256').update(log.bundle({}, log.openings)).digest('hex'));
  });
});

/**
 * Drops files as the browser's window does. Each step is answered before the next: where another element has come to lie under
 * the pointer since, a step over the page is told as entering that element, and a person's hand goes on moving.
 */
async function dropper(page: Page): Promise<(paths: string[]) => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await page.evaluate(() => {
    const seen = Object.assign(globalThis, { seen: { taken: 0, drop: 0 } }).seen;
    addEventListener('dragover', (event) => (seen.taken += Number(event.defaultPrevented)));
    addEventListener('drop', () => (seen.drop += 1));
  });
  return async (files) => {
    const step = async (type: 'dragEnter' | 'dragOver' | 'drop'): Promise<{ taken: number; drop: number }> => {
      const data = { items: [], files, dragOperationsMask: 1 };
      await session.send('Input.dispatchDragEvent', { type, x: 300, y: 300, data });
      return page.evaluate(() => (globalThis as unknown as { seen: { taken: number; drop: number } }).seen);
    };
    const before = await step('dragEnter');
    while ((await step('dragOver')).taken === before.taken);
    assert.equal((await step('drop')).drop, before.drop + 1, 'the drop was refused');
  };
}

test('page: what is dropped is sorted by what it holds', async () => {
  await visiting(async (visit) => {
    const log = act();
    const paths = [files.write('b', log.bundle()), files.write('a', log.checkpoint()), files.write('k', KEY.pem)];
    const drop = await dropper(visit.page);
    await drop(paths);
    assert.equal(await visit.verdict(), 'VERIFIED');
    assert.equal(await visit.page.evaluate(() => document.body.classList.contains('dropping')), false);
    assert.equal(await visit.page.evaluate(() => document.querySelector<HTMLInputElement>('#bundle-file')!.files![0]!.name), 'b');
    assert.equal(await visit.page.title(), 'VERIFIED: b – Open Audit Record verifier');
    // A checkpoint of another key, dropped alone, puts a new verdict in place of the old.
    await drop([files.write('other', log.checkpoint(3, makeKey(2)))]);
    await visit.page.waitForFunction(() => document.querySelector('#verdict-word')?.textContent === 'NO VERDICT');
    assert.equal(await visit.text('#verdict-reason'), 'misuse-reference');
  }, { reducedMotion: 'reduce' });
});

test('page: a bundle that is dropped brings no key, whatever stands in its records', async () => {
  await visiting(async (visit) => {
    const stranger = makeKey(2);
    const log = new Log(stranger).genesis().add(KIND.intent, [[12n, new Map([['note', `\n${stranger.pem}`]])]]);
    await visit.give('key', KEY.pem);
    const drop = await dropper(visit.page);
    await drop([files.write('b', log.bundle())]);
    assert.deepEqual([await visit.verdict(), await visit.text('#verdict-reason')], ['INVALID', 'unknown-key']);
    const brought = await visit.page.evaluate(() => [
      document.querySelector<HTMLInputElement>('#bundle-file')!.files![0]!.name,
      document.querySelector<HTMLInputElement>('#key-file')!.files![0]!.name,
      document.querySelector<HTMLTextAreaElement>('#key-text')!.value,
    ]);
    assert.deepEqual(brought, ['b', 'case.key', KEY.pem]);
  }, { reducedMotion: 'reduce' });
});

test('page: a key file is one key, and what is typed may be several', async () => {
  await visiting(async (visit) => {
    const { page } = visit;
    const stranger = makeKey(2);
    await page.fill('#key-text', `${stranger.pem}\n${KEY.pem}`);
    assert.match((await visit.text('#key-note'))!, /^Key id [^,]+, [^,]+$/);
    await visit.give('bundle', act().bundle());
    assert.deepEqual([await visit.verdict(), await visit.text('#verdict-reason')], ['STALE', 'completeness-unwitnessed']);
    // As for the command: the second block is passed over.
    await visit.give('key', stranger.pem + KEY.pem);
    await page.waitForFunction(() => document.querySelector('#verdict-word')?.textContent === 'INVALID');
    assert.equal(await visit.text('#verdict-reason'), 'unknown-key');
    assert.match((await visit.text('#key-note'))!, /^Key id [^,]+$/);
  }, { reducedMotion: 'reduce' });
});

test('page: a key id is what somebody writes, and not what a file holds', async () => {
  await visiting(async (visit) => {
    const { page } = visit;
    const id = toHex(KEY.publicKey.id);
    const noted = (begin: string): Promise<unknown> => page.waitForFunction((wanted) => document.querySelector('#key-note')?.textContent?.startsWith(wanted), begin);
    await visit.give('key', id);
    await noted('A key id, where a key file holds PEM');
    await visit.give('bundle', act().bundle());
    assert.deepEqual([await visit.verdict(), await visit.text('#verdict-reason')], ['NO VERDICT', 'misuse-key']);
    // The same digits, written.
    await page.fill('#key-text', id);
    await noted('Key id ');
    await page.click('#verify');
    assert.deepEqual([await visit.verdict(), await visit.text('#verdict-reason')], ['STALE', 'completeness-unwitnessed']);
    // What a file held is forgotten with everything else.
    await visit.give('key', KEY.pem.padEnd(65_537, '\n'));
    await noted('Larger than a key file may be');
    await visit.startOver();
    await page.evaluate((text) => {
      document.querySelector<HTMLTextAreaElement>('#key-text')!.value = text;
    }, KEY.pem.padEnd(65_536, '\n'));
    await visit.give('bundle', act().bundle());
    assert.deepEqual([await visit.verdict(), await visit.text('#verdict-reason')], ['STALE', 'completeness-unwitnessed']);
  }, { reducedMotion: 'reduce' });
});

test('page: by the keyboard alone', async () => {
  await visiting(async (visit) => {
    const { page } = visit;
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute('aria-label') || document.activeElement?.tagName || '');
    const tabTo = async (wanted: string): Promise<void> => {
      for (let i = 0; i < 60; i += 1) {
        await page.keyboard.press('Tab');
        if ((await focused()) === wanted) return;
      }
      assert.fail(`no Tab leads to ${wanted}`);
    };
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip');
    await tabTo('bundle-file');
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Space')]);
    await chooser.setFiles({ name: 'case.oar', mimeType: '', buffer: Buffer.from(act().bundle()) });
    assert.equal(await visit.verdict(), 'STALE');
    await tabTo('key-text');
    await page.keyboard.type(toHex(KEY.publicKey.id));
    await tabTo('checkpoint-text');
    await page.keyboard.type(`3:${toHex(act().root(3))}`);
    await page.keyboard.press('Tab');
    await page.waitForFunction(() => document.querySelector('#verdict-word')?.textContent === 'VERIFIED');
    await tabTo('Record 0');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    assert.equal(await focused(), 'Record 1');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#record-heading');
    assert.equal(await focused(), 'record-heading');
    assert.equal(await visit.text('#record-heading'), 'Record 1 intent');
    await page.keyboard.press('Escape');
    assert.equal(await focused(), 'Record 1');
    assert.equal(await page.isVisible('#record'), false);
  });
});

test('page: no rule of accessibility is broken, in any colours and on any screen', async (context) => {
  const axe = (createRequire(import.meta.url)('axe-core') as { source: string }).source;
  const violations = async (page: Page): Promise<string[]> => {
    await page.evaluate(axe);
    type Found = { violations: { id: string; nodes: { html: string }[] }[]; passes: { id: string }[] };
    const found = await page.evaluate(() => (globalThis as unknown as { axe: { run(): Promise<Found> } }).axe.run());
    const looked = new Set(found.passes.map(({ id }) => id));
    for (const rule of ['color-contrast', 'label', 'button-name', 'page-has-heading-one']) assert.ok(looked.has(rule) || found.violations.some(({ id }) => id === rule), `axe looked at ${rule}`);
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  };
  const log = act();
  const revoked = log.bundle({}, log.openings);
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 360]) {
      await context.test(`${colorScheme}, ${width} wide`, async () => {
        // axe brings its own code, which the page's policy would refuse.
        const visit = await Visit.open(browser, { colorScheme, viewport: { width, height: 800 }, bypassCSP: true });
        const { page } = visit;
        await page.click('summary');
        assert.deepEqual(await violations(page), [], 'empty');
        await visit.give('bundle', new Uint8Array(5));
        assert.equal(await visit.verdict(), 'NO VERDICT');
        assert.deepEqual(await violations(page), [], 'no verdict');
        await visit.give('bundle', revoked.subarray(0, revoked.length - 1));
        await page.waitForFunction(() => document.querySelector('#verdict-word')?.textContent === 'INVALID');
        assert.deepEqual(await violations(page), [], 'INVALID');
        await visit.give('bundle', revoked);
        await page.waitForFunction(() => document.querySelector('#verdict-word')?.textContent === 'STALE');
        assert.deepEqual(await violations(page), [], 'STALE');
        await visit.give('key', KEY.pem);
        await visit.give('checkpoint', log.checkpoint());
        await page.waitForFunction(() => document.querySelector('#verdict-word')?.textContent === 'VERIFIED');
        await page.click('[aria-label="Record 1"]');
        await page.click('.raw summary');
        assert.deepEqual(await violations(page), [], 'VERIFIED');
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, 'nothing is wider than the screen');
        // What breaks the rules is found: text that is too faint, and a button without a name.
        await page.evaluate(() => {
          document.querySelector<HTMLElement>('.says')!.style.color = 'rgb(128, 128, 128)';
          document.querySelector('#verify')!.textContent = '';
        });
        assert.deepEqual((await violations(page)).map((line) => line.split(':')[0]).sort(), ['button-name', 'color-contrast']);
        await visit.close();
      });
    }
  }
});

test('page: the colours are the system’s until they are chosen', async () => {
  await visiting(async ({ page }) => {
    const paper = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const seen = [await paper()];
    for (let i = 0; i < 3; i += 1) {
      await page.click('#theme');
      seen.push(await paper());
    }
    const [dark, light] = ['rgb(19, 21, 25)', 'rgb(247, 247, 245)'];
    assert.deepEqual(seen, [dark, light, dark, dark]);
  }, { colorScheme: 'dark' });
});

test('page: the printed report has the verdict, its scope and the open record, and no controls', async () => {
  await visiting(async (visit) => {
    const { page } = visit;
    const log = act();
    await visit.give('key', KEY.pem);
    await visit.give('checkpoint', log.checkpoint());
    await visit.give('bundle', log.bundle({}, log.openings), 'case.oar');
    await visit.verdict();
    await page.evaluate(() => Object.assign(globalThis, { printed: 0, print: () => ((globalThis as unknown as { printed: number }).printed += 1) }));
    await page.click('#print');
    assert.equal(await page.evaluate(() => (globalThis as unknown as { printed: number }).printed), 1);
    await page.emulateMedia({ media: 'print' });
    const shown = async (selectors: string[]): Promise<boolean[]> => Promise.all(selectors.map((selector) => page.isVisible(selector)));
    assert.deepEqual(await shown(['#verdict-word', '#scope-text', '.axes', '.not-covered', '.identity', 'footer']), Array(6).fill(true));
    assert.deepEqual(await shown(['#inputs', '.actions', '.records', '.controls', '#theme', '#record']), Array(6).fill(false));
    await page.emulateMedia({ media: 'screen' });
    await page.click('[aria-label="Record 1"]');
    await page.waitForSelector('#record-heading');
    await page.emulateMedia({ media: 'print' });
    assert.deepEqual(await shown(['#record', '.value']), [true, true]);
    const paper = await page.pdf();
    assert.ok(paper.subarray(0, 5).toString() === '%PDF-' && paper.length > 10_000);
  });
});

const HOSTILE = '<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>';

test('page: markup in a bundle or a file name is text, and text that hides is shown', async () => {
  await visiting(async (visit) => {
    const { page } = visit;
    const log = new Log(KEY).genesis().intent(set({ 10: '<img src=x onerror=hacked=1>' })).outcome(1, set({ 10: 'safe\u202egnitirw' }));
    const facts = new Map([['<b>fact</b>', HOSTILE]]);
    log.add(KIND.intent, [[12n, facts]]);
    log.commitTo('</textarea><script>', encodeUtf8(`${HOSTILE}\u0000\u200f`));
    await visit.give('bundle', log.bundle({}, log.openings), '<img src=x onerror=hacked=1>.oar');
    await visit.verdict();
    for (const index of [0, 1, 2, 3, 4]) {
      await page.click(`[data-index="${index}"] .c-index button`);
      await page.waitForFunction((wanted) => document.querySelector('#record-heading')?.textContent?.startsWith(`Record ${wanted}`), index);
    }
    assert.equal(await page.evaluate(() => 'hacked' in globalThis), false);
    assert.equal(await page.evaluate(() => document.querySelectorAll('main img, main script, main b').length), 0);
    assert.equal(await visit.text('[data-index="2"] .c-action'), 'safe⟨U+202E⟩gnitirw');
    assert.equal(await visit.text('.value pre'), `${HOSTILE}⟨U+0000⟩⟨U+200F⟩`);
    assert.equal(await visit.text('.field h5 bdi'), '</textarea><script>');
    assert.match((await visit.text('.identity dd'))!, /^<img src=x onerror=hacked=1>\.oar/);
    await page.selectOption('#action', { label: '<img src=x onerror=hacked=1> (1)' });
    await page.waitForFunction(() => document.querySelectorAll('.records tbody tr').length === 1);
  });
});

test('page: where a record comes from and what it led to', async () => {
  await visiting(async (visit) => {
    const { page } = visit;
    const log = act();
    const cause = (index: number) => [BigInt(index), recordDigest(log.records[index]!)];
    log.intent(set({ 11: [cause(2)] }));
    log.add(KIND.detail, [[11n, [[1n, new Uint8Array(64)], cause(3)]]]);
    log.outcome(3).seal();
    await visit.give('bundle', log.bundle());
    await visit.verdict();
    const lineage = async (index: number): Promise<string[]> => {
      await page.fill('#goto', String(index));
      await page.press('#goto', 'Enter');
      await page.waitForFunction((wanted) => document.querySelector('#record-heading')?.textContent?.startsWith(`Record ${wanted}`), index);
      return page.evaluate(() => [...document.querySelectorAll('.lineage li')].map((item) => [...item.childNodes].map((node) => node.textContent).join(' ')));
    };
    assert.deepEqual(await lineage(3), ['cause 2 outcome, executed · generate', 'previous 2 outcome, executed · generate', 'outcome 5 outcome, executed · generate', 'names it as cause 4 detail · generate', 'next 4 detail · generate']);
    assert.match((await visit.text('.ancestors'))!, /2 earlier records: 1 2$/);
    const detail = await lineage(4);
    assert.equal(detail[0], 'cause 1 intent · generate it names another digest than that of this record');
    assert.ok(detail.includes('sealed by 6 seal · generate'), detail.join('\n'));
    assert.match((await visit.text('.ancestors'))!, /3 earlier records: 1 2 3$/);
    assert.deepEqual(await lineage(5), ['intent 3 intent · generate', 'previous 4 detail · generate', 'next 6 seal · generate']);
    await page.click('.lineage [aria-label="intent: record 3"]');
    await page.waitForFunction(() => document.querySelector('#record-heading')?.textContent?.startsWith('Record 3'));
    // A part of a log: what lies outside is said to.
    await visit.give('bundle', log.bundle({ first: 4, count: 2 }));
    await page.waitForFunction(() => document.querySelectorAll('.records tbody tr').length === 2);
    assert.deepEqual((await lineage(4)).slice(0, 3), ['cause record 1, outside this bundle', 'cause record 3, outside this bundle', 'previous record 3, outside this bundle']);
    assert.deepEqual((await lineage(5)).slice(0, 1), ['intent before this bundle']);
    await page.fill('#goto', '3');
    await page.press('#goto', 'Enter');
    await page.waitForFunction(() => document.querySelector('#records-status')?.textContent === 'this bundle lists no record 3');
  });
});

test('page: what lies outside the scope is marked', async () => {
  await visiting(async (visit) => {
    const log = act().intent().outcome(3);
    await visit.give('key', KEY.pem);
    await visit.give('checkpoint', log.checkpoint(3));
    await visit.page.click('summary');
    await visit.page.check('#upto');
    await visit.give('bundle', log.bundle());
    assert.equal(await visit.verdict(), 'VERIFIED');
    const marks = await visit.page.evaluate(() => [...document.querySelectorAll('.records tbody tr')].map((row) => row.getAttribute('data-mark')));
    assert.deepEqual(marks, ['covered', 'covered', 'covered', 'outside', 'outside']);
  });
});

test('page: a file that changes after its verdict is not shown as what was verified', async () => {
  await visiting(async (visit) => {
    const path = files.write('changing.oar', act().bundle());
    await visit.page.setInputFiles('#bundle-file', path);
    await visit.verdict();
    await visit.page.waitForFunction(() => document.querySelector('#file-digest')?.textContent !== '…');
    writeFileSync(path, act().intent().bundle());
    await visit.page.click('[data-index="1"] .c-index button');
    await visit.page.waitForFunction(() => document.querySelector('#records-status')?.textContent?.includes('of 3 records') === false);
    assert.equal(await visit.page.isVisible('#record'), false);
  });
});

const MANY = sealedLog(10_000);

test('page: ten thousand sealed records, while the page goes on answering', async (context) => {
  const log = MANY;
  const bundle = log.bundle();
  await visiting(async (visit) => {
    const { page } = visit;
    await visit.give('key', KEY.pem);
    await visit.give('checkpoint', log.checkpoint());
    await page.evaluate(() => {
      const seen = Object.assign(globalThis, { paints: 0, texts: new Set<string>() });
      const frame = (): void => {
        if (document.querySelector<HTMLElement>('#progress')!.hidden) return void requestAnimationFrame(frame);
        seen.paints += 1;
        seen.texts.add(document.querySelector('#progress-text')!.textContent!);
        requestAnimationFrame(frame);
      };
      frame();
    });
    await visit.give('bundle', bundle);
    assert.equal(await visit.verdict(), 'VERIFIED');
    const { frames, texts } = await page.evaluate(() => {
      const { paints: frames, texts } = globalThis as unknown as { paints: number; texts: Set<string> };
      return { frames, texts: texts.size };
    });
    context.diagnostic(`page/10k-sealed ms=${await page.getAttribute('#took', 'data-ms')}, ${frames} frames and ${texts} texts of progress meanwhile`);
    assert.ok(frames > 3, `${frames} frames while it verified`);
    assert.ok(texts > 1, 'progress was shown');
    // Two hundred at a time, whatever the size.
    assert.equal(await page.evaluate(() => document.querySelectorAll('.records tbody tr').length), 200);
    await page.click('#later');
    await page.waitForFunction(() => document.querySelector('#records-status')?.textContent === '201–400 of 10,013 records');
    await page.selectOption('#kind', String(KIND.seal));
    await page.waitForFunction(() => document.querySelector('#records-status')?.textContent === '1–10 of 10 records');
    await page.fill('#goto', '9999');
    await page.press('#goto', 'Enter');
    await page.waitForFunction(() => document.querySelector('#record-heading')?.textContent === 'Record 9,999 detail');
  });
});

test('page: a verification that is cancelled says nothing, and can be done again', async () => {
  await visiting(async (visit) => {
    const { page } = visit;
    await visit.give('key', KEY.pem);
    // Cancelled at the first word of progress, so in the middle of it, however fast the machine is.
    await page.evaluate(() => {
      const text = document.querySelector('#progress-text')!;
      const watch = new MutationObserver(() => {
        if (!text.textContent!.includes('records')) return;
        watch.disconnect();
        document.querySelector<HTMLElement>('#cancel')!.click();
      });
      watch.observe(text, { childList: true });
    });
    await visit.give('bundle', MANY.bundle());
    await page.waitForFunction(() => document.querySelector('#notice')?.textContent === 'Cancelled: nothing was established.');
    assert.equal(await page.isVisible('#result'), false);
    await page.click('#verify');
    assert.equal(await visit.verdict(), 'STALE');
  });
});

test('page: revoked keys and erased fields are shown, with the records concerned', async () => {
  await visiting(async (visit) => {
    const { page } = visit;
    const log = new Log(KEY, { next: makeKey(2), recovery: makeKey(9) }).genesis().intent().erase(1, ['prompt']).revoke(KEY, { effective: 2 }, { key: makeKey(9) });
    await visit.give('key', KEY.pem);
    await visit.give('checkpoint', log.checkpoint());
    await visit.give('bundle', log.bundle());
    assert.equal(await visit.verdict(), 'REVOKED');
    assert.equal(await visit.text('#revoked'), 'records under a revoked key 2');
    assert.equal(await visit.text('#erased'), 'erased fields Their contents are gone, by a record that says so: 1 prompt by 2');
    const marks = (): Promise<(string | null)[]> => page.evaluate(() => [...document.querySelectorAll('.records tbody tr')].map((row) => row.getAttribute('data-mark')));
    assert.deepEqual(await marks(), ['covered', 'covered', 'revoked', 'covered']);
    await page.click('#erased [aria-label="Show record 1"]');
    await page.waitForSelector('#record-heading');
    assert.match((await visit.text('.field[data-state="erased"]'))!, /Its contents were erased, as record 2 says/);
  });
});

/** What is brought, the reason code, and what a person reads of it. */
const WRONG: [Parameters<Visit['give']>[0], string, string, RegExp][] = [
  ['key', 'hello', 'misuse-key', /the key, “hello”, is no key: give a public key of ML-DSA-65 as PEM, .* or a key id of 64 hexadecimal digits$/],
  ['key', '\ufffd\u0000binary', 'misuse-key', /the key, “\?\?binary”, is no key/],
  ['key', KEY.pem.padEnd(65_537, '\n'), 'misuse-key', /the key file is larger than 64 KiB: give the file that `mickai key show --pem` prints$/],
  ['key', `${KEY.pem.trimEnd()} ${KEY.pem}`, 'misuse-key', /the key, “-----BEGIN PUBLIC KEY---…”, is no key/],
  ['key', toHex(KEY.publicKey.id), 'misuse-key', /the key file holds a key id, and a key file holds PEM: give the digits themselves, /],
  ['key', 'ab'.repeat(31), 'misuse-key', /the key, “abababababababababababab…”, is no key/],
  ['checkpoint', 'hello', 'misuse-reference', /the reference, “hello”, is no checkpoint: give the file that `mickai log checkpoint` wrote/],
  ['checkpoint', act().checkpoint(3, makeKey(2)), 'misuse-reference', /the checkpoint of size 3 is signed by no key of this log: it is of another log, or was changed/],
  ['policy', '{"keys":[}', 'misuse-policy', /the policy file is not JSON: it is one JSON object whose members are some of keys, references, /],
  ['policy', '{"require":"integrity"}', 'misuse-policy', /has a member “require” that is no list/],
  ['policy', '{"references":[{}]}', 'misuse-policy', /has a member “references” that has an item, the first, that has no checkpoint/],
  ['policy', '{"lenient":1}', 'misuse-policy', /has a member “lenient”, which is none of its form/],
  ['policy', '\u0000'.repeat(1_048_577), 'misuse-policy', /is larger than 1 MiB/],
  ['policy', '{"keys":["x","y"]}', 'misuse-key', /key 1 of 2, “x”, is no key/],
  ['policy', JSON.stringify({ keys: Array(17).fill('ab'.repeat(32)) }), 'misuse-key', /there are 17 keys: give 16 at most/],
  ['policy', JSON.stringify({ references: [{ checkpoint: act().checkpoint(), requested: 2, received: 1 }] }), 'misuse-reference', /the reference, came at 1, before it was asked for at 2/],
  ['policy', JSON.stringify({ keys: [KEY.pem], references: [{ checkpoint: act().checkpoint().replace('\n3\n', '\n2\n') }] }), 'misuse-reference', /of size 2, names your key and is not signed by it/],
  ['policy', '{"upto":2}', 'misuse-upto', /the records up to 2 are asked for, and there is no checkpoint: give the checkpoint of that size/],
  ['policy', JSON.stringify({ references: [{ checkpoint: act().checkpoint() }], upto: 2 }), 'misuse-upto', /the greatest checkpoint is of size 3: ask for 3, /],
  ['policy', '{"require":["luck"]}', 'misuse-require', /“luck” is no axis: require some of integrity, /],
  ['policy', '{"revocations":["AA=="]}', 'misuse-revocation', /the revocation is no statement that its signer signed: give the file that `mickai key revoke --statement` wrote/],
];

test('page: wrong usage is told apart from a verdict, with what is wrong and what to do', async (context) => {
  await visiting(async (visit) => {
    for (const [input, content, reason, why] of WRONG) {
      await context.test(`${reason}: ${content.slice(0, 40)}`, async () => {
        await visit.startOver();
        await visit.give(input, content);
        await visit.give('bundle', act().bundle());
        assert.equal(await visit.verdict(), 'NO VERDICT');
        assert.equal(await visit.text('#verdict-reason'), reason);
        assert.match((await visit.text('#scope-text'))!, why);
        assert.equal(await visit.text('#exit'), 'exit 64, wrong usage');
        if (reason === 'misuse-policy') assert.match((await visit.text('#policy-note'))!, why);
      });
    }
    // What is taken away no longer counts.
    await visit.startOver();
    await visit.give('bundle', act().bundle());
    assert.equal(await visit.verdict(), 'STALE');
    assert.equal(await visit.page.getAttribute('#policy-file', 'aria-invalid'), 'false');
  });
});

test('page: a policy file takes the place of the fields', async () => {
  await visiting(async (visit) => {
    const log = act();
    await visit.page.click('summary');
    await visit.give('bundle', log.bundle());
    assert.equal(await visit.verdict(), 'STALE');
    await visit.give('policy', JSON.stringify({ keys: [KEY.pem], references: [{ checkpoint: log.checkpoint() }], require: ['integrity', 'completeness'] }));
    await visit.page.waitForFunction(() => document.querySelector('#verdict-word')?.textContent === 'VERIFIED');
    assert.match((await visit.text('#policy-note'))!, /^case\.policy decides/);
  });
});

test('page: a fork proof is judged under the key', async () => {
  await visiting(async (visit) => {
    const { content } = readVectors<ForkVector>('fork', 'accept').find(({ file }) => file.endsWith('prefix.json'))!;
    await visit.give('key', content.keys.join(''));
    await visit.give('bundle', fromBase64(content.fork)!, 'two.fork');
    assert.deepEqual([await visit.verdict(), await visit.text('#verdict-reason')], ['INVALID', 'fork']);
    assert.match((await visit.text('.says'))!, /contradict each other/);
    assert.equal(await visit.page.isVisible('#records'), false);
  });
});
