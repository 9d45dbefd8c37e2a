/**
 * Operators at their dashboards, told what to do by the test that runs the switch.
 *
 *   node story.mjs [--screenshots FOLDER]
 *
 * One JSON object per line on standard input; each is answered by one line on standard output, in order:
 *
 *   {"id":1,"desk":"host","do":"arrive","microphoneHz":700}      a browser with a tone for a microphone
 *   {"id":2,"desk":"host","do":"open","with":["http://127.0.0.1:3001/host"]}
 *   {"id":3,"desk":"host","do":"waitForStatus","with":["01J…","on-hold"]}
 *   {"id":4,"desk":"host","do":"putOnAir","with":["01J…"]}
 *   {"id":5,"desk":"host","do":"hear","with":[[440,700],1500]}
 *   {"id":6,"desk":"host","do":"screenshot","with":["on-air"]}
 *   {"id":7,"desk":"host","do":"leave"}
 *
 *   {"id":4,"ok":true,"result":…}   or   {"id":4,"ok":false,"error":"…"} with a screenshot of the page as it was
 *
 * `do` is a method of Desk (desk.mjs) or one of the verbs below. Ends with its input; what the pages log goes to
 * standard error.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ask, hear, holdFrames, openBrowser } from './browser.mjs';
import { Desk } from './desk.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: { screenshots: { type: 'string', default: path.resolve(here, '../../build/screenshots') } },
});

const SCREENS = [
  [1366, 768],
  [390, 844],
];

/** name → { desk, page, close } */
const desks = new Map();

const verbs = {
  async arrive(name, { microphoneHz = 600, width, height }) {
    if (desks.has(name)) throw new Error(`${name} is here already`);
    const { page, close } = await openBrowser({ microphoneHz, width, height });
    page.on('console', (message) => console.error(`[${name}] ${message.text()}`));
    page.on('pageerror', (error) => console.error(`[${name}] ${error.message}`));
    desks.set(name, { desk: new Desk(page), page, close });
  },
  async leave(name) {
    await at(name).close();
    desks.delete(name);
  },
  async hear(name, { with: [tones, milliseconds] = [] }) {
    return hear(at(name).page, tones, milliseconds);
  },
  /** By the page's own dashboard socket: the answer's frame. */
  async ask(name, { with: [command] = [] }) {
    return ask(at(name).page, command);
  },
  async holdFrames(name, { with: [held] = [] }) {
    await holdFrames(at(name).page, held);
  },
  async screenshot(name, { with: [title] = [] }) {
    const file = path.join(options.screenshots, `${title}.png`);
    await at(name).desk.screenshot(file);
    return file;
  },
  /** As on a laptop and as on a telephone. */
  async pictures(name, { with: [title] = [] }) {
    const { desk, page } = at(name);
    const before = page.viewport();
    for (const [width, height] of SCREENS) {
      await page.setViewport({ width, height });
      await desk.screenshot(path.join(options.screenshots, `${title}-${width}x${height}.png`));
    }
    await page.setViewport(before);
  },
};

function at(name) {
  const found = desks.get(name);
  if (!found) throw new Error(`nobody called ${name} has arrived`);
  return found;
}

async function obey(line) {
  const { do: verb, desk: name, ...rest } = line;
  if (Object.hasOwn(verbs, verb)) return verbs[verb](name, rest);
  const { desk } = at(name);
  if (typeof desk[verb] !== 'function') throw new Error(`nobody knows how to ${verb}`);
  const result = await desk[verb](...(rest.with ?? []));
  return isPlain(result) ? result : undefined;
}

/** Element handles stay in the browser. */
function isPlain(result) {
  if (result === null || typeof result !== 'object' || Array.isArray(result)) return true;
  return Object.getPrototypeOf(result) === Object.prototype;
}

async function failed(line, error) {
  const picture = path.join(options.screenshots, `failed-${line.desk}-${line.do}.png`);
  await desks.get(line.desk)?.desk.screenshot(picture).catch(() => {});
  return { id: line.id, ok: false, error: error.message };
}

await mkdir(options.screenshots, { recursive: true });
try {
  for await (const text of createInterface({ input: process.stdin })) {
    if (text.trim() === '') continue;
    const line = JSON.parse(text);
    const answer = await obey(line).then(
      (result) => ({ id: line.id, ok: true, result }),
      (error) => failed(line, error),
    );
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
} finally {
  await Promise.all([...desks.values()].map(({ close }) => close()));
}
