/** The page's end of its worker: one at a time, made from the page's own script, ended to cancel what it does. */
import type { Detail, Filter, FromWorker, Policy, Row, ToWorker } from './messages.js';

type Listed = { rows: Row[]; page: number; matched: number };
type Answer = Extract<FromWorker, { ask: number }>;

export class Client {
  private worker: Worker | undefined;
  /** Whether the worker has said its report: only then can it be asked about records. */
  private ready = false;
  private asked = 0;
  private readonly waiting = new Map<number, (answer: Answer) => void>();

  constructor(
    private readonly script: string,
    private readonly hear: (message: FromWorker) => void,
  ) {}

  /** Begins a verification; whatever went on before is over. */
  verify(file: File, policy: Policy): void {
    this.stop();
    this.worker = this.start();
    this.tell({ do: 'verify', file, policy: { ...policy, now_ms: Date.now() } });
  }

  /** Ends the worker at once, in the middle of whatever it does. */
  stop(): void {
    this.worker?.terminate();
    this.worker = undefined;
    this.ready = false;
    this.waiting.clear();
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
    this.worker?.postMessage(message);
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
