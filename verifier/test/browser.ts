/** The built page in Debian's Chromium: opened from its file with no network, every request and every refusal counted. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** A machine may be busy; only what never comes is a failure. */
const PATIENCE_MS = 120_000;
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
export const PAGE_URL = pathToFileURL(join(process.cwd(), 'dist/verifier.html')).href;

export function launch(): Promise<Browser> {
  // Root may not use Chromium's own sandbox; everyone else does.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const quiet = ['--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return chromium.launch({ executablePath: CHROMIUM, args: [...sandbox, ...quiet] });
}

/** The page in a context of its own, and what happened in it that should not. */
export class Visit {
  readonly requests: string[] = [];
  /** Errors, console messages and refusals of the Content-Security-Policy. */
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {}

  static async open(browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await browser.newContext({ offline: true, ...options });
    const visit = new Visit(await context.newPage());
    const { requests, complaints, page } = visit;
    page.setDefaultTimeout(PATIENCE_MS);
    context.on('request', (request) => requests.push(request.url()));
    context.on('console', (message) => complaints.push(`console: ${message.text()}`));
    context.on('weberror', (error) => complaints.push(`error: ${error.error().message}`));
    await page.exposeFunction('complain', (text: string) => complaints.push(`policy: ${text}`));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        (globalThis as unknown as { complain(text: string): void }).complain(`${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await page.goto(PAGE_URL);
    return visit;
  }

  /** Requests other than for the page's own file, once, and for its workers. */
  strangeRequests(): string[] {
    const strange = this.requests.filter((url) => !url.startsWith('blob:null/') && url !== PAGE_URL);
    const loads = this.requests.filter((url) => url === PAGE_URL).length;
    return loads === 1 ? strange : [...strange, `the page itself, ${loads} times`];
  }

  async give(input: 'bundle' | 'key' | 'checkpoint' | 'policy', content: Uint8Array | string, name = `case.${input}`): Promise<void> {
    const buffer = typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.from(content);
    await this.page.setInputFiles(`#${input}-file`, { name, mimeType: 'application/octet-stream', buffer });
  }

  async startOver(): Promise<void> {
    await this.page.click('#clear');
  }

  async verdict(): Promise<string> {
    await this.page.waitForSelector('#verdict-word');
    return (await this.page.textContent('#verdict-word'))!;
  }

  text(selector: string): Promise<string | null> {
    return this.page.evaluate((wanted) => document.querySelector(wanted)?.textContent ?? null, selector);
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}

/** Files on disk, for what a browser does with files alone. */
export class Files {
  private readonly folder = mkdtempSync(join(tmpdir(), 'oar-page-'));

  write(name: string, content: Uint8Array | string): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
