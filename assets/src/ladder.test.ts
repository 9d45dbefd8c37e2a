import { expect, test } from 'vitest';
import { atSeconds, outcome, party, repeats, type Rung, type SipCall } from './ladder';

const call: SipCall = {
  ladder: 7,
  callId: null,
  sipCallId: '7@z',
  direction: 'in',
  trunk: 'studio',
  from: '<sip:+15550100200@192.0.2.10>;tag=a',
  to: '<sip:lobby@203.0.113.9>',
  peer: '192.0.2.10:5060',
  transport: 'UDP',
  beganAt: 0,
  lastedMs: 9_000,
  messages: 6,
  repeats: 0,
  status: 200,
  over: false,
  cause: null,
};

test('a party is its name and its number', () => {
  expect(party('<sip:+15550100200@192.0.2.10>;tag=a')).toBe('+15550100200');
  expect(party('"Ann B" <sips:%2B1555@h:5061;user=phone>')).toBe('Ann B +1555');
  expect(party('Ann <tel:+1555>')).toBe('Ann +1555');
  expect(party('sip:201@h')).toBe('201');
  expect(party('<sip:%zz@h>')).toBe('%zz');
});

test('a refusal says why and asks for attention', () => {
  expect(outcome({ ...call, status: 486, over: true, cause: 'trunk-full' })).toEqual({
    words: 'Refused: trunk-full (SIP 486)',
    bad: true,
  });
  expect(outcome(call)).toEqual({ words: 'Up', bad: false });
  expect(outcome({ ...call, status: null })).toEqual({ words: 'No answer yet', bad: false });
  expect(outcome({ ...call, over: true, cause: 'caller-hung-up' }).words).toBe('Ended: caller-hung-up');
  expect(outcome({ ...call, over: true, cause: 'no-ack', repeats: 10 }).bad).toBe(true);
});

test('repeats are counted in words', () => {
  const rung: Rung = {
    atMs: 0,
    direction: 'in',
    summary: 'INVITE',
    line: null,
    from: null,
    to: null,
    transport: null,
    repeats: 0,
    repeatedAtMs: [],
    text: null,
  };
  expect(repeats(rung)).toBeNull();
  expect(repeats({ ...rung, repeats: 1, repeatedAtMs: [500] })).toBe('repeated once, last at 0.500 s');
  expect(repeats({ ...rung, repeats: 30, repeatedAtMs: [500, 1500] })).toBe(
    'repeated 30 times, last at 1.500 s',
  );
  expect(atSeconds(12_500)).toBe('12.500');
});
