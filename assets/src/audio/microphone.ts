/**
 * The operator's microphone: opened once, kept from call to call (a screener has fifty an hour),
 * muted in place, and moved to another device while it is published.
 */
import { computed, signal } from '@preact/signals';
import type { AudioCaptureOptions, LocalAudioTrack } from 'livekit-client';
import { notify } from '../notices';
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
/** The name of the microphone that went away, until another takes its place. */
let gone: string | null = null;
let meterTap: { stop: () => void; tapped: MediaStreamTrack } | null = null;

/** The open microphone, asking the browser for it if need be; null when there is none to be had. */
export function openMicrophone(): Promise<LocalAudioTrack | null> {
  if (track !== null && mic.value.at === 'open' && isLive(track)) return Promise.resolve(track);
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
  gone = null;
  mic.value = { at: 'off' };
  muted.value = false;
  coughing.value = false;
}

export function setMuted(on: boolean): void {
  muted.value = on;
  applyMute().catch(failed);
}

/** Off while held, whatever the mute says. */
export function cough(on: boolean): void {
  if (coughing.value === on) return;
  coughing.value = on;
  applyMute().catch(failed);
}

/** Remembers the device and, if the microphone is open, moves to it. */
export async function chooseMicrophone(id: string): Promise<void> {
  deviceId.value = id;
  localStorage.setItem(DEVICE_KEY, id);
  gone = null;
  await track?.setDeviceId(id === '' ? 'default' : id).catch(failed);
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
    // The room has the old track already: a second one would be heard beside it.
    if (track !== null) await track.restartTrack(capture());
    else {
      track = await create();
      mic.value = { at: 'open' };
      measure();
    }
    await applyMute();
    await listMicrophones();
    return track;
  } catch (error) {
    failed(error);
    return null;
  }
}

async function create(): Promise<LocalAudioTrack> {
  const { createLocalAudioTrack, TrackEvent } = await import('livekit-client');
  const ours = await createLocalAudioTrack(capture());
  // In a room LiveKit goes on with another device, on the same track.
  ours.on(TrackEvent.Ended, () => ours === track && lose(ours));
  ours.on(TrackEvent.Restarted, () => ours === track && regain(ours));
  ours.on(TrackEvent.Muted, () => setTimeout(heedMute, MUTE_SETTLED_MS));
  return ours;
}

function capture(): AudioCaptureOptions {
  return {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    ...(deviceId.value === '' ? {} : { deviceId: { ideal: deviceId.value } }),
  };
}

function isLive(ours: LocalAudioTrack): boolean {
  return !ours.isStopped && ours.mediaStreamTrack.readyState === 'live';
}

function lose(ours: LocalAudioTrack): void {
  meterTap?.stop();
  meterTap = null;
  gone = ours.mediaStreamTrack.label;
  mic.value = {
    at: 'failed',
    detail: 'The microphone was unplugged or taken away. Choose another, then try again.',
  };
}

function regain(ours: LocalAudioTrack): void {
  mic.value = { at: 'open' };
  measure();
  applyMute().catch(failed);
  if (gone !== null && gone !== ours.mediaStreamTrack.label) notify('warning', 'Now on another microphone.');
  gone = null;
}

function failed(error: unknown): void {
  mic.value = { at: 'failed', detail: reason(error) };
}

/**
 * Somebody else muted it, in LiveKit: that is shown, and a press undoes it. One that failed is muted by LiveKit's
 * client, which is no wish of anybody's.
 */
function heedMute(): void {
  if (mic.value.at === 'open' && track?.isMuted && !silenced.value) muted.value = true;
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
