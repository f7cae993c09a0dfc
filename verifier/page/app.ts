/** The page: what is brought goes to the worker, what it says is shown. A verdict is on screen only while it is about what is there. */
import { Client } from './client.js';
import { byId, el, fill, visible } from './dom.js';
import { grouped, seconds, size } from './format.js';
import { InputsView } from './inputs.js';
import type { FromWorker, Misused, Policy } from './messages.js';
import { RecordView } from './record-view.js';
import { RecordsView } from './records-view.js';
import { startTheme } from './theme.js';
import { showFileDigest, showVerdict } from './verdict-view.js';

const TITLE = 'Open Audit Record verifier';

export function startPage(script: string): void {
  const start = (): void => void new App(script);
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start);
  else start();
}

class App {
  private readonly client: Client;
  private readonly inputs = new InputsView(() => this.runIfChanged(), () => this.reset());
  private readonly records: RecordsView;
  private readonly record: RecordView;
  private file: File | null = null;
  private policy: Policy | Misused = {};
  private started = 0;
  private chosen: number | null = null;

  constructor(script: string) {
    this.client = new Client(script, (message) => this.hear(message));
    this.records = new RecordsView(this.client, (index) => void this.openRecord(index));
    this.record = new RecordView((index) => void this.openRecord(index), () => this.closeRecord());
    byId('verify').addEventListener('click', () => this.run());
    byId('cancel').addEventListener('click', () => this.cancel());
    byId('clear').addEventListener('click', () => this.inputs.clear());
    startTheme();
  }

  /** A field says that it changed also when it is left; what has been verified as it is, is not verified again. */
  private runIfChanged(): void {
    const { bundle, policy } = this.inputs.read();
    if (bundle === null || bundle !== this.file || JSON.stringify(policy) !== JSON.stringify(this.policy)) this.run();
  }

  private run(): void {
    const { bundle, policy } = this.inputs.read();
    this.reset();
    if (bundle === null) return;
    [this.file, this.policy] = [bundle, policy];
    byId('progress').hidden = false;
    byId('progress-text').textContent = `Reading ${size(bundle.size)}`;
    byId<HTMLProgressElement>('bar').value = 0;
    this.started = performance.now();
    this.client.verify(bundle, policy);
  }

  /** Takes everything away that was said of what was there before. */
  private reset(): void {
    this.client.stop();
    for (const id of ['progress', 'result', 'records']) byId(id).hidden = true;
    for (const id of ['result', 'records']) fill(byId(id));
    byId('notice').textContent = '';
    byId('spoken').textContent = '';
    document.title = TITLE;
    this.file = null;
    this.chosen = null;
  }

  private cancel(): void {
    this.reset();
    byId('notice').textContent = 'Cancelled: nothing was established.';
    byId('verify').focus();
  }

  private hear(message: FromWorker): void {
    switch (message.say) {
      case 'progress': {
        const { read, records, expected } = message;
        byId<HTMLProgressElement>('bar').value = read / Math.max(1, this.file!.size);
        byId('progress-text').textContent = `${size(read)} of ${size(this.file!.size)}, ${grouped(records)}${expected === null ? '' : ` of ${grouped(expected)}`} records`;
        break;
      }
      case 'report':
        void this.showReport(message);
        break;
      case 'file-digest':
        showFileDigest(message.hex);
        break;
      case 'failed':
        this.fail(message.message);
        break;
    }
  }

  private async showReport({ report, json, totals, fork }: Extract<FromWorker, { say: 'report' }>): Promise<void> {
    const file = this.file!;
    // From the moment that the person waits, so the worker's own start is part of it.
    const took_ms = performance.now() - this.started;
    byId('progress').hidden = true;
    showVerdict(
      { report, json, totals, fork, policy: this.policy, fileName: file.name, fileSize: file.size, took_ms, at: new Date() },
      (index) => void this.openRecord(index),
    );
    document.title = `${report.verdict ?? 'No verdict'}: ${visible(file.name)} – ${TITLE}`;
    byId('spoken').textContent = `${report.verdict ?? 'No verdict'} ${report.reason ?? ''}: ${report.scope.text}. Done in ${seconds(took_ms)}.`;
    byId('result').scrollIntoView({ block: 'start', behavior: calm() ? 'auto' : 'smooth' });
    // Whoever is busy in a field stays there, and hears the verdict all the same.
    if (!(document.activeElement instanceof HTMLElement && document.activeElement.matches('input, textarea, select'))) {
      byId('verdict-heading').focus({ preventScroll: true });
    }
    const { index } = report;
    await this.records.show(totals, typeof index === 'number' && index < totals.first + totals.listed ? index : null);
  }

  /** The file could not be read, or the worker broke: there is no verdict, and it is said why. */
  private fail(message: string): void {
    this.reset();
    byId('spoken').textContent = 'No verdict: the file could not be read.';
    fill(byId('result'), el('p', { class: 'notice bad', id: 'failure' }, el('strong', {}, 'No verdict: the file could not be read. '), message));
    byId('result').hidden = false;
  }

  private async openRecord(index: number): Promise<void> {
    this.chosen = index;
    const answer = await this.client.show(index);
    if (this.chosen !== index) return;
    if (typeof answer === 'string') {
      byId('records-status').textContent = answer;
      return;
    }
    const listed = document.querySelector(`.records tr[data-index="${index}"]`);
    if (listed === null) await this.records.find(index);
    else this.records.select(index);
    this.record.show(answer);
  }

  private closeRecord(): void {
    const index = this.chosen;
    this.chosen = null;
    this.records.select(null);
    document.querySelector<HTMLElement>(`.records tr[data-index="${index}"] .c-index button`)?.focus();
  }
}

function calm(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
