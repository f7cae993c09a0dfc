/** Keys that change, are revoked and taken back; fields erased; times; several references. */
import { HISTORY_ROWS, TRUST } from './history.js';
import { checkRows } from './rows.js';

checkRows('history: every row', HISTORY_ROWS, TRUST);
