/** Ladders as the switch sends them, and the words a page finds for them. Pure. */

export interface SipCall {
  /** Number of the ladder. */
  ladder: number;
  callId: string | null;
  sipCallId: string;
  direction: 'in' | 'out';
  trunk: string | null;
  from: string;
  to: string;
  peer: string;
  transport: string;
  beganAt: number;
  lastedMs: number;
  messages: number;
  repeats: number;
  status: number | null;
  over: boolean;
  cause: string | null;
}

export interface Rung {
  atMs: number;
  direction: 'in' | 'out' | 'note';
  summary: string;
  line: string | null;
  from: string | null;
  to: string | null;
  transport: string | null;
  repeats: number;
  repeatedAtMs: number[];
  text: string | null;
}

export interface Ladder extends SipCall {
  leftOut: number;
  rungs: Rung[];
}

/** The number or name in a From or To: `"Ann" <sip:+1555@h>;tag=a` is `Ann +1555`. */
export function party(header: string): string {
  const uri = /<?sips?:([^>;?]*)/i.exec(header)?.[1] ?? /tel:([^>;]*)/i.exec(header)?.[1] ?? header;
  const user = uri.includes('@') ? uri.slice(0, uri.lastIndexOf('@')) : uri;
  const name = /^\s*"?([^"<]*?)"?\s*</.exec(header)?.[1] ?? '';
  const number = decode(user);
  return name !== '' && name !== number ? `${name} ${number}` : number;
}

/** How a call stands, in words; `bad` asks for attention. */
export function outcome(call: SipCall): { words: string; bad: boolean } {
  const status = call.status === null ? '' : ` (SIP ${call.status})`;
  if (call.status !== null && call.status >= 300)
    return { words: `Refused: ${call.cause ?? 'no reason kept'}${status}`, bad: true };
  if (call.over) return { words: `Ended: ${call.cause ?? 'no reason kept'}`, bad: call.repeats > 3 };
  return call.status === null ? { words: 'No answer yet', bad: false } : { words: 'Up', bad: false };
}

/** 0.004, 12.500: seconds of the ladder. */
export function atSeconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** "repeated 2 times, last at 1.500 s" */
export function repeats(rung: Rung): string | null {
  if (rung.repeats === 0) return null;
  const last = rung.repeatedAtMs[rung.repeatedAtMs.length - 1];
  const times = rung.repeats === 1 ? 'once' : `${rung.repeats} times`;
  return last === undefined ? `repeated ${times}` : `repeated ${times}, last at ${atSeconds(last)} s`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
