import { expect, test } from 'vitest';
import { formatNumber, isSlug, parseE164, parseNumbers, slugOf } from './phone';

test('what people type becomes E.164', () => {
  for (const typed of ['+15551234567', ' +1 (555) 123-4567 ', '+1.555.123.4567']) {
    expect(parseE164(typed)).toEqual({ number: '+15551234567' });
  }
  expect(parseE164('+44 20 7946 0958')).toEqual({ number: '+442079460958' });
});

test('what is no E.164 number is refused with a reason', () => {
  const reasons: [string, RegExp][] = [
    ['555 123 4567', /country code/],
    ['+1 555 123', /ten digits/],
    ['+0123456789', /begins with 0/],
    ['+49 12', /too short/],
    ['+4912345678901234', /too long/],
    ['+1 555 CALL NOW', /no digits/],
    ['', /no digits/],
  ];
  for (const [typed, reason] of reasons)
    expect(parseE164(typed)).toEqual({ problem: expect.stringMatching(reason) });
});

test('several numbers, each once', () => {
  expect(parseNumbers('+15551234567, +1 555 123 4567\n+442079460958;')).toEqual({
    numbers: ['+15551234567', '+442079460958'],
  });
  expect(parseNumbers('  \n ')).toEqual({ numbers: [] });
  expect(parseNumbers('+15551234567, 12')).toHaveProperty('problem');
});

test('North American numbers are grouped', () => {
  expect(formatNumber('+15551234567')).toBe('+1 555 123 4567');
  expect(formatNumber('+442079460958')).toBe('+442079460958');
});

test('a slug from a name', () => {
  expect(slugOf('Café — Late & Loud!')).toBe('cafe-late-loud');
  expect(isSlug(slugOf('Night Drive 2'))).toBe(true);
  for (const bad of ['', 'Night', 'a--b', '-a', 'a b']) expect(isSlug(bad)).toBe(false);
});
