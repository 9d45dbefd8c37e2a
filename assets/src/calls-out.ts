/** Calls that the station makes: what a dialog holds, and what follows for a call. Pure but for the signals. */
import { signal } from '@preact/signals';
import type { Board } from './board';
import type { Call } from './protocol';

/** A question that stands open over the page. */
export type Asking = { what: 'dial' } | { what: 'consent' | 'transfer'; callId: string };

export const asking = signal<Asking | null>(null);

export interface Guest {
  number: string;
  name: string;
  point: string;
}

export const NO_GUEST: Guest = { number: '', name: '', point: '' };

/** Their telephone rings; nobody has answered yet. */
export function isCalling(call: Call): boolean {
  return call.direction === 'outbound' && call.ringing;
}

/** Who called a call-in show knows what it is; whom we called must have been told. */
export function mayBeAired(call: Call): boolean {
  return call.direction !== 'outbound' || call.consentAt !== null;
}

/** Whether there is somebody to call back, as far as this page knows; the switch knows more. */
export function canCallBack(call: Call, open: Iterable<Call>): boolean {
  if (call.status !== 'completed' || call.from === null || call.blocked) return false;
  for (const other of open) if (other.status !== 'completed' && other.from === call.from) return false;
  return true;
}

/** What to read out to whom we called. */
export function noticeFor(board: Board | null, call: Call): string {
  return (call.showId !== null && board?.shows.get(call.showId)?.consentNotice) || '';
}
