/** How long the page takes for 10,000 sealed records, in Chromium, each time in a page of its own: the worker's start and its first run are included. */
import { launch, Visit } from '../test/browser.js';
import { sealedLog } from '../test/sealed.js';

const RUNS = 5;
const RECORDS = 10_000;

const log = sealedLog(RECORDS);
const bundle = log.bundle();
const checkpoint = log.checkpoint();
const browser = await launch();
const times: number[] = [];
for (let run = 0; run < RUNS; run += 1) {
  const visit = await Visit.open(browser);
  await visit.give('key', log.key.pem);
  await visit.give('checkpoint', checkpoint);
  await visit.give('bundle', bundle);
  if ((await visit.verdict()) !== 'VERIFIED') throw new Error(`not VERIFIED: ${await visit.text('#scope-text')}`);
  times.push(Number(await visit.page.getAttribute('#took', 'data-ms')));
  await visit.close();
}
await browser.close();
times.sort((a, b) => a - b);
console.log(`page/10k-sealed ms=${Math.round(times[RUNS >> 1]!)} of ${times.map((ms) => Math.round(ms)).join(' ')}, bytes=${bundle.length}`);
