/** Chromium with a microphone that plays a tone of ours and ears that tell tones apart. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import puppeteer from 'puppeteer-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  // Candidates with plain addresses: there is no mDNS responder on a test machine.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const MICROPHONE_RATE = 48_000;

/** A browser of its own (one microphone each). `close()` removes its profile. */
export async function openBrowser({ microphoneHz, width = 1280, height = 900 }) {
  const executablePath = CHROMIUM.find((file) => file && existsSync(file));
  if (!executablePath) throw new Error('no Chromium: apt-get install chromium, or set CHROMIUM');
  const folder = await mkdtemp(path.join(tmpdir(), 'audioroad-browser-'));
  const microphone = path.join(folder, 'microphone.wav');
  await writeFile(microphone, toneWav(microphoneHz, 4));
  const browser = await puppeteer.launch({
    executablePath,
    headless: true,
    userDataDir: path.join(folder, 'profile'),
    defaultViewport: { width, height },
    args: [...FLAGS, `--use-file-for-fake-audio-capture=${microphone}`],
  });
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(installEars);
  await page.evaluateOnNewDocument(installMicrophone);
  await page.evaluateOnNewDocument(installWire);
  const close = async () => {
    await browser.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  return { page, close };
}

/**
 * What the page's peer connections bring to its ears for `milliseconds`: the level in dBFS of each tone,
 * per remote track and over all of them (-90 is silence).
 */
export async function hear(page, tones, milliseconds = 1_000) {
  return page.evaluate((hz, ms) => globalThis.audioroadEars(hz, ms), tones, milliseconds);
}

/** Sends a command of ours by the page's own dashboard socket; gives the switch's answer to it. */
export async function ask(page, command) {
  return page.evaluate((fields) => globalThis.audioroadWire.ask(fields), command);
}

/** Lets the page hear nothing from the switch, as on a slow line, or everything that waited. */
export async function holdFrames(page, held) {
  await page.evaluate((on) => globalThis.audioroadWire.hold(on), held);
}

/** A sine at -15 dBFS RMS in 16-bit mono: whole seconds, so that Chromium can loop it without a click. */
export function toneWav(hz, seconds) {
  const count = seconds * MICROPHONE_RATE;
  const wav = Buffer.alloc(44 + 2 * count);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + 2 * count, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // mono
  wav.writeUInt32LE(MICROPHONE_RATE, 24);
  wav.writeUInt32LE(2 * MICROPHONE_RATE, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(2 * count, 40);
  for (let n = 0; n < count; n += 1) {
    const sample = 0.25 * Math.sin((2 * Math.PI * hz * n) / MICROPHONE_RATE);
    wav.writeInt16LE(Math.round(sample * 32_767), 44 + 2 * n);
  }
  return wav;
}

/** Runs inside the page: the tone goes out as it is, where noise suppression would take it for noise. */
function installMicrophone() {
  const plain = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (!plain) return;
  const unprocessed = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  navigator.mediaDevices.getUserMedia = ({ audio, ...others }) =>
    plain({ ...others, audio: audio && { ...(audio === true ? {} : audio), ...unprocessed } });
}

/** Runs inside the page before its own scripts: a hand on the dashboard's socket. */
function installWire() {
  const FIRST_ID = 1_000_000;
  let dashboard = null;
  let held = null;
  let id = FIRST_ID;
  const Plain = globalThis.WebSocket;
  globalThis.WebSocket = class extends Plain {
    constructor(address, protocols) {
      super(address, protocols);
      if (new URL(address).pathname === '/ws') dashboard = this;
    }
    set onmessage(hear) {
      super.onmessage = (event) => (held && this === dashboard ? held.push(() => hear(event)) : hear(event));
    }
    get onmessage() {
      return super.onmessage;
    }
  };
  globalThis.audioroadWire = {
    hold(on) {
      const waiting = held ?? [];
      held = on ? waiting : null;
      if (!on) waiting.forEach((deliver) => deliver());
    },
    ask(fields) {
      id += 1;
      const mine = id;
      return new Promise((resolve) => {
        const socket = dashboard;
        socket.addEventListener('message', function answer(event) {
          const frame = JSON.parse(event.data);
          if (frame.id !== mine) return;
          socket.removeEventListener('message', answer);
          resolve(frame);
        });
        socket.send(JSON.stringify({ id: mine, ...fields }));
      });
    },
  };
}

/** Runs inside the page before its own scripts: remembers every remote audio track and can listen to them. */
function installEars() {
  const tracks = new Set();
  const Plain = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Plain {
    constructor(...args) {
      super(...args);
      this.addEventListener('track', (event) => {
        if (event.track.kind === 'audio') tracks.add(event.track);
      });
    }
  };

  globalThis.audioroadEars = async (tones, milliseconds) => {
    const audio = new AudioContext({ sampleRate: 48_000 });
    await audio.resume();
    const live = [...tracks].filter((track) => track.readyState === 'live');
    const listened = live.map((track) => listen(audio, track, tones));
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    const heard = listened.map((ear) => ear.stop());
    await audio.close();
    const playing = [...document.querySelectorAll('audio')].filter((player) => !player.paused && !player.muted).length;
    const loudest = (hz) => Math.max(-90, ...heard.map((track) => track.tones[hz]));
    return { tracks: heard, playing, tones: Object.fromEntries(tones.map((hz) => [hz, loudest(hz)])) };
  };

  function listen(audio, track, tones) {
    const stream = new MediaStream([track]);
    // Chromium gives a remote track to Web Audio only while an element plays it.
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    void element.play();
    const analyser = audio.createAnalyser();
    analyser.fftSize = 8_192;
    analyser.smoothingTimeConstant = 0;
    audio.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const loudest = Object.fromEntries(tones.map((hz) => [hz, -90]));
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      for (const hz of tones) loudest[hz] = Math.max(loudest[hz], toneDbfs(samples, hz, audio.sampleRate));
    }, 100);
    const stop = () => {
      clearInterval(timer);
      element.srcObject = null;
      return { id: track.id, muted: track.muted, tones: loudest };
    };
    return { stop };
  }

  /** Goertzel under a Hann window, so that a neighbour tone does not leak in. */
  function toneDbfs(samples, hz, rate) {
    const coefficient = 2 * Math.cos((2 * Math.PI * hz) / rate);
    let before = 0;
    let last = 0;
    for (let n = 0; n < samples.length; n += 1) {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / samples.length);
      [before, last] = [last, window * samples[n] + coefficient * last - before];
    }
    const power = (last * last + before * before - coefficient * last * before) / (samples.length / 2) ** 2;
    // A sine of RMS r leaves 2 r² / 4 under this window's gain of one half.
    return Math.max(-90, Math.round(100 * Math.log10(2 * power + 1e-9)) / 10);
  }
}
