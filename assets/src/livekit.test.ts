import { expect, test } from 'vitest';
import { after, BACK_SHOWN_MS, type LiveKitNews } from './livekit';
import type { Health } from './protocol';
import { snapshot } from './testing';

const well = snapshot([]).health;
const lost: Health = { ...well, status: 'degraded', livekit: 'lost', livekitLostSince: 5_000 };

test('lost is told with its beginning, however often it is heard of', () => {
  const first = after({ at: 'well' }, lost, 6_000);
  expect(first).toEqual({ at: 'lost', since: 5_000 });
  expect(after(first, { ...lost, calls: 3 }, 9_000)).toBe(first);
});

test('back is told for a while and then nothing is', () => {
  const back = after({ at: 'lost', since: 5_000 }, { ...well, livekit: 'ok' }, 20_000);
  expect(back).toEqual({ at: 'back', since: 20_000 });
  expect(after(back, well, 20_000 + BACK_SHOWN_MS - 1)).toBe(back);
  expect(after(back, well, 20_000 + BACK_SHOWN_MS)).toEqual({ at: 'well' });
});

test('lost again while the good news stands', () => {
  expect(after({ at: 'back', since: 20_000 }, lost, 21_000)).toEqual({ at: 'lost', since: 5_000 });
});

test('where nothing was lost there is nothing to tell', () => {
  const before: LiveKitNews = { at: 'well' };
  expect(after(before, well, 1)).toBe(before);
});
