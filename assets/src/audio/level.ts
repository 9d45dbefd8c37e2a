/** The level of a track in dBFS, measured in this browser. */

export const SILENCE_DB = -90;
const EVERY_MS = 80;

/** RMS of samples in [-1, 1] as dBFS, not below -90. */
export function rmsDb(samples: Float32Array): number {
  if (samples.length === 0) return SILENCE_DB;
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / samples.length);
  return rms > 0 ? Math.max(SILENCE_DB, 20 * Math.log10(rms)) : SILENCE_DB;
}

/** How much of a meter a level fills, 0 to 1: -60 dBFS is its foot, 0 dBFS its top. */
export function meterFill(db: number): number {
  return Math.min(1, Math.max(0, (db + 60) / 60));
}

/** Tells the level of a track several times a second; answers how to stop. */
export function watchLevel(track: MediaStreamTrack, tell: (db: number) => void): () => void {
  const audio = new AudioContext();
  // Created outside a press, a context waits; the first press anywhere lets it run.
  const wake = () => void audio.resume();
  if (audio.state === 'suspended') addEventListener('pointerdown', wake, { once: true });
  const source = audio.createMediaStreamSource(new MediaStream([track]));
  const analyser = audio.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    tell(rmsDb(samples));
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    removeEventListener('pointerdown', wake);
    source.disconnect();
    void audio.close();
    tell(SILENCE_DB);
  };
}
