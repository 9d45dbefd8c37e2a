/**
 * The operator's microphone: opened once, kept from call to call (a screener has fifty an hour),
 * muted in place, and moved to another device while it is published.
 */
import { computed, signal } from '@preact/signals';
import type { LocalAudioTrack } from 'livekit-client';
import { SILENCE_DB, watchLevel } from './level';

export type MicState = { at: 'off' } | { at: 'asking' } | { at: 'open' } | { at: 'failed'; detail: string };

const DEVICE_KEY = 'microphone';
/** Our own mutes and unmutes have come through by then. */
const MUTE_SETTLED_MS = 300;

export const mic = signal<MicState>({ at: 'off' });
/** What the microphone picks up, in dBFS, whether muted or not: an operator must see that it works. */
export const micLevel = signal(SILENCE_DB);
export const muted = signal(false);
export const coughing = signal(false);
export const silenced = computed(() => muted.value || coughing.value);
export const microphones = signal<readonly MediaDeviceInfo[]>([]);
export const deviceId = signal(localStorage.getItem(DEVICE_KEY) ?? '');

let track: LocalAudioTrack | null = null;
let opening: Promise<LocalAudioTrack | null> | null = null;
let meterTap: { stop: () => void; tapped: MediaStreamTrack } | null = null;

/** The open microphone, asking the browser for it if need be; null when there is none to be had. */
export function openMicrophone(): Promise<LocalAudioTrack | null> {
  if (track !== null && mic.value.at === 'open') return Promise.resolve(track);
  opening ??= ask().finally(() => {
    opening = null;
  });
  return opening;
}

export function closeMicrophone(): void {
  meterTap?.stop();
  meterTap = null;
  track?.stop();
  track = null;
  mic.value = { at: 'off' };
  muted.value = false;
  coughing.value = false;
}

export function setMuted(on: boolean): void {
  muted.value = on;
  void applyMute();
}

/** Off while held, whatever the mute says. */
export function cough(on: boolean): void {
  if (coughing.value === on) return;
  coughing.value = on;
  void applyMute();
}

/** Remembers the device and, if the microphone is open, moves to it. */
export async function chooseMicrophone(id: string): Promise<void> {
  deviceId.value = id;
  localStorage.setItem(DEVICE_KEY, id);
  if (track === null) return;
  try {
    await track.setDeviceId(id === '' ? 'default' : id);
    measure();
  } catch (error) {
    mic.value = { at: 'failed', detail: reason(error) };
  }
}

export async function listMicrophones(): Promise<void> {
  const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => []);
  microphones.value = (devices ?? []).filter(
    (device) => device.kind === 'audioinput' && device.deviceId !== '',
  );
}

navigator.mediaDevices?.addEventListener('devicechange', () => void listMicrophones());

async function ask(): Promise<LocalAudioTrack | null> {
  mic.value = { at: 'asking' };
  try {
    const { createLocalAudioTrack, TrackEvent } = await import('livekit-client');
    track = await createLocalAudioTrack({
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      ...(deviceId.value === '' ? {} : { deviceId: { ideal: deviceId.value } }),
    });
    track.on(TrackEvent.Ended, () => {
      closeMicrophone();
      mic.value = {
        at: 'failed',
        detail: 'The microphone was unplugged or taken away. Choose another, then try again.',
      };
    });
    track.on(TrackEvent.Muted, () => setTimeout(heedMute, MUTE_SETTLED_MS));
    mic.value = { at: 'open' };
    measure();
    await applyMute();
    await listMicrophones();
    return track;
  } catch (error) {
    track = null;
    mic.value = { at: 'failed', detail: reason(error) };
    return null;
  }
}

/** Somebody else muted it, in LiveKit: that is shown, and a press undoes it. */
function heedMute(): void {
  if (track?.isMuted && !silenced.value) muted.value = true;
}

async function applyMute(): Promise<void> {
  if (track === null) return;
  if (silenced.value) await track.mute();
  else await track.unmute();
}

/** Meters a clone, because a muted track is silent and the meter must still move. */
function measure(): void {
  meterTap?.stop();
  if (track === null) return;
  const tapped = track.mediaStreamTrack.clone();
  tapped.enabled = true;
  const stopMeter = watchLevel(tapped, (db) => {
    micLevel.value = db;
  });
  meterTap = {
    tapped,
    stop: () => {
      stopMeter();
      tapped.stop();
    },
  };
}

function reason(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError') {
    return 'The browser may not use the microphone. Allow it in the address bar, then try again.';
  }
  if (name === 'NotFoundError' || name === 'OverconstrainedError')
    return 'No microphone found. Plug one in, then try again.';
  if (name === 'NotReadableError') return 'Another program holds the microphone. Close it, then try again.';
  if (!window.isSecureContext)
    return 'Browsers give the microphone only to https pages. Open this page by https.';
  return 'The microphone could not be opened. Try again.';
}
