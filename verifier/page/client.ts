/** The page's end of its worker: one at a time, made from the page's own script, ended to cancel what it does. */
import { isMisused } from '../src/misuse.js';
import type { Detail, Filter, FromWorker, Misused, Policy, Row, ToWorker } from './messages.js';

type Listed = { rows: Row[]; page: number; matched: number };
type Answer = Extract<FromWorker, { ask: number }>;

export class Client {
  /** There from the beginning, and kept as long as it is not busy: it has its code compiled by what it did before. */
  private worker: Worker;
  /** Whether it is at work on a file. */
  private busy = false;
  /** Whether the worker has said its report: only then can it be asked about records. */
  private ready = false;
  private asked = 0;
  private readonly waiting = new Map<number, (answer: Answer) => void>();

  constructor(
    private readonly script: string,
    private readonly hear: (message: FromWorker) => void,
  ) {
    this.worker = this.start();
  }

  /** Begins a verification; whatever went on before is over. */
  verify(file: File, policy: Policy | Misused): void {
    this.stop();
    this.busy = true;
    this.tell({ do: 'verify', file, policy: isMisused(policy) ? policy : { ...policy, ...theTime() } });
  }

  /** What goes on is over at once, in the middle of whatever it is. */
  stop(): void {
    this.ready = false;
    this.waiting.clear();
    if (!this.busy) return;
    this.busy = false;
    this.worker.terminate();
    this.worker = this.start();
  }

  async list(filter: Filter, page: number): Promise<Listed> {
    return (await this.ask((ask) => ({ do: 'list', ask, filter, page }))) as Listed & Answer;
  }

  async find(filter: Filter, index: number): Promise<Listed> {
    return (await this.ask((ask) => ({ do: 'find', ask, filter, index }))) as Listed & Answer;
  }

  /** The record, or why it cannot be shown. */
  async show(index: number): Promise<Detail | string> {
    const answer = (await this.ask((ask) => ({ do: 'show', ask, index }))) as Extract<FromWorker, { say: 'show' }>;
    return answer.detail ?? answer.why;
  }

  private ask(make: (ask: number) => ToWorker): Promise<Answer> {
    this.asked += 1;
    const number = this.asked;
    return new Promise((resolve) => {
      // What is asked about something that is over is never answered; nobody shows the answer either.
      if (!this.ready) return;
      this.waiting.set(number, resolve);
      this.tell(make(number));
    });
  }

  private tell(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private start(): Worker {
    const url = URL.createObjectURL(new Blob([this.script], { type: 'text/javascript' }));
    const worker = new Worker(trusted(url));
    worker.addEventListener('message', (event: MessageEvent<FromWorker>) => {
      if (worker !== this.worker) return;
      const message = event.data;
      if ('ask' in message) {
        this.waiting.get(message.ask)?.(message);
        this.waiting.delete(message.ask);
        return;
      }
      if (message.say === 'report') this.ready = true;
      if (message.say === 'file-digest' || message.say === 'failed') this.busy = false;
      this.hear(message);
    });
    worker.addEventListener('error', (event) => {
      if (worker === this.worker) this.hear({ say: 'failed', message: event.message || 'the worker could not be started' });
    });
    // The worker has begun to load it; the name is of no more use.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    return worker;
  }
}

/** What the clock says, and nothing where it was never set: then no age can be judged. */
function theTime(): { now_ms?: number } {
  const now = Date.now();
  return now >= 0 ? { now_ms: now } : {};
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

let scripts: { createScriptURL(url: string): string } | undefined;

/** The page's policy demands trusted types, and this is the only one it lets be made: for the worker's own address. */
function trusted(url: string): string {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (types === undefined) return url;
  scripts ??= types.createPolicy('oar-worker', {
    createScriptURL: (wanted) => {
      if (!wanted.startsWith('blob:')) throw new TypeError('only the page’s own worker');
      return wanted;
    },
  });
  return scripts.createScriptURL(url);
}
