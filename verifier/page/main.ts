/**
 * Where the one script of verifier.html begins. It runs twice: in the page, and in the worker that the page makes of the
 * very same text, so that what the page's policy lets run is all that ever runs.
 */
import { startPage } from './app.js';
import { startWorker } from './worker.js';

if (typeof document === 'undefined') startWorker();
else startPage(document.currentScript!.textContent!);
