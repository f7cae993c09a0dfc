/** What the person brings: the bundle, the key, the checkpoint, the terms. Files may be dropped anywhere; what they hold says which they are. */
import { decodeLossy, toHex } from '../src/bytes.js';
import { KEY_FILE_IS_ID, KEY_FILE_SIZE_MAX, KEY_FILE_TOO_LARGE, parseKeyId, parsePem } from '../src/keys.js';
import { isMisused, type Misused } from '../src/misuse.js';
import type { Policy } from '../src/policy.js';
import { FILE_SIZE_MAX, parsePolicyFile } from '../src/policyfile.js';
import { parseReference } from '../src/reference.js';
import { AXES, REQUIRED_BY_DEFAULT } from '../src/verdict.js';
import { byId, el, visible } from './dom.js';
import { grouped, short, size } from './format.js';
import { holdsKeyId, keysOf, sortOf } from './sorting.js';

type TextSlot = 'key' | 'checkpoint';
/** A note is shorter, and a key file no longer; of a longer file that much is read, and is refused. */
const TEXT_SIZE_MAX = KEY_FILE_SIZE_MAX;

/** Why a file is no key file, whatever its beginning holds, and what is said under the field. */
interface Refused {
  misused: Misused;
  note: string;
}

const TOO_LARGE: Refused = { misused: { misuse: 'misuse-key', why: `the key file ${KEY_FILE_TOO_LARGE}` }, note: 'Larger than a key file may be, 64 KiB' };
const IS_ID: Refused = { misused: { misuse: 'misuse-key', why: `the key file ${KEY_FILE_IS_ID}` }, note: 'A key id, where a key file holds PEM: write the digits here' };
/** Nothing of a file. */
const NO_FILE = { raw: '', shown: '', isWhole: true };

/** The beginning of a file. */
interface Start {
  bytes: Uint8Array;
  text: string;
  /** It is the whole file. */
  isWhole: boolean;
}

export interface Inputs {
  bundle: File | null;
  policy: Policy | Misused;
}

export class InputsView {
  private bundle: File | null = null;
  private policyFile: Policy | Misused | null = null;
  private readonly text = { key: byId<HTMLTextAreaElement>('key-text'), checkpoint: byId<HTMLTextAreaElement>('checkpoint-text') };
  /** What a file held, and what its field made of it: a text field changes line ends, and those of a note are not free. */
  private readonly fromFile = { key: NO_FILE, checkpoint: NO_FILE };
  private readonly policyHint = byId('policy-note').textContent!;
  private readonly upto = byId<HTMLInputElement>('upto');
  private readonly verify = byId<HTMLButtonElement>('verify');

  /** `changed` is called when a verdict on what was there before would no longer be about what is there now; `typing`, while that is being written. */
  constructor(
    private readonly changed: () => void,
    private readonly typing: () => void,
  ) {
    this.fillRequired();
    this.listen();
    this.describe();
  }

  read(): Inputs {
    return { bundle: this.bundle, policy: this.policyFile ?? this.keyRefused()?.misused ?? this.policyOfFields() };
  }

  clear(): void {
    this.bundle = null;
    this.policyFile = null;
    for (const slot of ['key', 'checkpoint'] as const) {
      this.text[slot].value = '';
      this.fromFile[slot] = NO_FILE;
    }
    this.upto.checked = false;
    for (const box of this.boxes()) box.checked = (REQUIRED_BY_DEFAULT as readonly string[]).includes(box.value);
    for (const id of ['bundle-file', 'key-file', 'checkpoint-file', 'policy-file']) byId<HTMLInputElement>(id).value = '';
    byId('policy-note').textContent = this.policyHint;
    this.markPolicy(false);
    this.say('');
    this.update();
  }

  private policyOfFields(): Policy {
    const policy: Policy = {};
    const keys = keysOf(this.valueOf('key'), this.isFromFile('key'));
    if (keys.length > 0) policy.keys = keys;
    const reference = this.reference();
    if (reference !== '') policy.references = [{ checkpoint: reference }];
    const required = this.boxes().filter((box) => box.checked).map((box) => box.value);
    if (required.join() !== REQUIRED_BY_DEFAULT.join()) policy.require = required;
    const parsed = parseReference(reference);
    if (this.upto.checked && parsed !== undefined) policy.upto = parsed.size;
    return policy;
  }

  /** What a file held is taken as it is; a SIZE:ROOT that was typed may stand between blanks. */
  private reference(): string {
    const text = this.valueOf('checkpoint');
    const trimmed = text.trim();
    return trimmed === '' || (!this.isFromFile('checkpoint') && /^[0-9]+:[0-9a-fA-F]+$/.test(trimmed)) ? trimmed : text;
  }

  private valueOf(slot: TextSlot): string {
    return this.isFromFile(slot) ? this.fromFile[slot].raw : this.text[slot].value;
  }

  private isFromFile(slot: TextSlot): boolean {
    const { value } = this.text[slot];
    return value !== '' && value === this.fromFile[slot].shown;
  }

  private keyRefused(): Refused | undefined {
    if (!this.isFromFile('key')) return undefined;
    if (!this.fromFile.key.isWhole) return TOO_LARGE;
    return holdsKeyId(this.valueOf('key')) ? IS_ID : undefined;
  }

  private setText(slot: TextSlot, { text: raw, isWhole }: Start): void {
    this.text[slot].value = raw;
    this.fromFile[slot] = { raw, shown: this.text[slot].value, isWhole };
  }

  private fillRequired(): void {
    const fieldset = byId('required');
    for (const axis of AXES) {
      const box = el('input', { type: 'checkbox', value: axis, checked: REQUIRED_BY_DEFAULT.includes(axis) });
      box.addEventListener('change', () => this.update());
      fieldset.append(el('label', {}, box, ` ${axis}`));
    }
  }

  private boxes(): HTMLInputElement[] {
    return [...byId('required').querySelectorAll('input')];
  }

  private listen(): void {
    this.onFile('bundle-file', (file) => this.takeBundle(file));
    this.onFile('key-file', (file) => void this.takeText('key', file));
    this.onFile('checkpoint-file', (file) => void this.takeText('checkpoint', file));
    this.onFile('policy-file', (file) => void this.takePolicy(file));
    for (const field of [this.text.key, this.text.checkpoint, this.upto]) field.addEventListener('change', () => this.update());
    // What is written into the field is no file's, though it were the same: a key has no line ends that a field could change.
    this.text.key.addEventListener('input', () => (this.fromFile.key = NO_FILE));
    for (const field of [this.text.key, this.text.checkpoint]) field.addEventListener('input', () => this.write());
    this.listenToDrops();
  }

  private onFile(id: string, take: (file: File) => void): void {
    const input = byId<HTMLInputElement>(id);
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file !== undefined) take(file);
    });
  }

  private listenToDrops(): void {
    let depth = 0;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    const mark = (change: number): void => {
      depth = Math.max(0, depth + change);
      document.body.classList.toggle('dropping', depth > 0);
    };
    addEventListener('dragenter', (event) => {
      if (hasFiles(event)) mark(1);
    });
    addEventListener('dragleave', (event) => {
      if (hasFiles(event)) mark(-1);
    });
    addEventListener('dragover', (event) => {
      if (hasFiles(event)) event.preventDefault();
    });
    addEventListener('drop', (event) => {
      if (!hasFiles(event)) return;
      // Otherwise the browser would leave this page and open the file.
      event.preventDefault();
      mark(-depth);
      void this.takeAny([...event.dataTransfer!.files]);
    });
  }

  /** Puts each dropped file where its content belongs, then says once that something changed. */
  private async takeAny(files: File[]): Promise<void> {
    let bundles = 0;
    this.say('');
    for (const file of files) {
      const start = await startOf(file);
      const sort = sortOf(start.bytes, start.text);
      if (sort === 'policy') await this.readPolicy(file);
      else if (sort === 'bundle') this.bundle = file;
      else this.setText(sort, start);
      if (sort === 'bundle') bundles += 1;
      showChosen(`${sort}-file`, file);
    }
    if (bundles > 1) this.say(`One bundle at a time: ${visible(this.bundle!.name)} was taken.`);
    this.update();
  }

  private takeBundle(file: File): void {
    this.bundle = file;
    this.say('');
    this.update();
  }

  private async takeText(slot: TextSlot, file: File): Promise<void> {
    const start = await startOf(file);
    this.setText(slot, start);
    this.say(start.text.trim() === '' ? `${visible(file.name)} is empty.` : '');
    this.update();
  }

  private async takePolicy(file: File): Promise<void> {
    await this.readPolicy(file);
    this.update();
  }

  /** A policy that is none is kept too: what is asked for is then wrong usage, and not what the fields say. */
  private async readPolicy(file: File): Promise<void> {
    const policy = parsePolicyFile(new Uint8Array(await file.slice(0, FILE_SIZE_MAX + 1).arrayBuffer()));
    this.policyFile = policy;
    const note = byId('policy-note');
    const wrong = isMisused(policy);
    note.textContent = wrong
      ? `${visible(file.name)} cannot be used: ${policy.why}. Give another, or “Start over” without it.`
      : `${visible(file.name)} decides: its keys, references and axes stand in place of the fields. “Start over” forgets it.`;
    this.markPolicy(wrong);
    note.closest('details')!.open = true;
  }

  private markPolicy(wrong: boolean): void {
    byId('policy-note').classList.toggle('wrong', wrong);
    byId('policy-file').setAttribute('aria-invalid', String(wrong));
  }

  private write(): void {
    this.describe();
    this.typing();
  }

  private update(): void {
    this.describe();
    this.changed();
  }

  /** Says under each field what was understood. */
  private describe(): void {
    const { bundle } = this;
    byId('bundle-note').textContent = bundle === null ? '' : `${visible(bundle.name)}, ${size(bundle.size)}`;
    this.verify.disabled = bundle === null;
    document.body.classList.toggle('has-policy', this.policyFile !== null);
    // What a file held, which decides, and not what its field made of it.
    const [key, isFile, refused] = [this.valueOf('key'), this.isFromFile('key'), this.keyRefused()];
    describeField('key', this.text.key, key.trim() === '' ? '' : key, (text) => {
      if (refused !== undefined) return undefined;
      const ids = keysOf(text, isFile).map((key) => parseKeyId(key) ?? parsePem(key)?.id);
      return ids.every((id) => id !== undefined) ? `Key id ${ids.map((id) => short(toHex(id))).join(', ')}` : undefined;
    }, refused?.note ?? 'Neither a public key in PEM nor a key id of 64 hexadecimal digits');
    describeField('checkpoint', this.text.checkpoint, this.reference(), (text) => {
      const reference = parseReference(text);
      return reference && `${grouped(reference.size)} records, root ${short(toHex(reference.root))}`;
    }, 'Neither a checkpoint note nor SIZE:ROOT');
  }

  private say(text: string): void {
    byId('notice').textContent = text;
  }
}

function describeField(name: TextSlot, field: HTMLTextAreaElement, text: string, understand: (text: string) => string | undefined, otherwise: string): void {
  const understood = text === '' ? '' : understand(text);
  const note = byId(`${name}-note`);
  note.textContent = understood ?? otherwise;
  note.classList.toggle('wrong', understood === undefined);
  field.setAttribute('aria-invalid', String(understood === undefined));
}

/** So that a file which was dropped stands beside its button like one that was chosen. */
function showChosen(id: string, file: File): void {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  byId<HTMLInputElement>(id).files = chosen.files;
}

async function startOf(file: File): Promise<Start> {
  const bytes = new Uint8Array(await file.slice(0, TEXT_SIZE_MAX).arrayBuffer());
  return { bytes, text: decodeLossy(bytes), isWhole: file.size <= TEXT_SIZE_MAX };
}
