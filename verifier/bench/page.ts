/**
 * How long the page takes for 10,000 sealed records, in Chromium, each time in a page of its own: the worker's start and its
 * first run are included. The processor's time is printed beside: on a busy machine it says more than the clock's.
 */
import { Files, launch, Visit } from '../test/browser.js';
import { sealedLog } from '../test/sealed.js';

const RUNS = 5;
const RECORDS = 10_000;

const log = sealedLog(RECORDS);
const bundle = log.bundle();
const checkpoint = log.checkpoint();
const files = new Files();
const path = files.write('sealed.oar', bundle);
const browser = await launch();
const session = await browser.newBrowserCDPSession();
const times: number[] = [];
const used: number[] = [];

/** Seconds that the renderer processes have used so far. */
async function rendererSeconds(): Promise<number> {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return processInfo.filter(({ type }) => type === 'renderer').reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

for (let run = 0; run < RUNS; run += 1) {
  const visit = await Visit.open(browser);
  await visit.give('key', log.key.pem);
  await visit.give('checkpoint', checkpoint);
  const before = await rendererSeconds();
  // From the disk, as a person does: what the test library would hand over is decoded in the page and counted.
  await visit.page.setInputFiles('#bundle-file', path);
  if ((await visit.verdict()) !== 'VERIFIED') throw new Error(`not VERIFIED: ${await visit.text('#scope-text')}`);
  used.push(1000 * ((await rendererSeconds()) - before));
  times.push(Number(await visit.page.getAttribute('#took', 'data-ms')));
  await visit.close();
}
await browser.close();
files.remove();

const listed = (values: number[]): string => values.map((value) => Math.round(value)).join(' ');
const median = (values: number[]): number => Math.round([...values].sort((a, b) => a - b)[RUNS >> 1]!);
console.log(`runs: ms ${listed(times)}; processor ms ${listed(used)}; bytes ${bundle.length}`);
console.log(`page/10k-sealed ms=${median(times)} cpu_ms=${median(used)}`);
