/** What the listeners get: its loudness by EBU R 128 against the station's target, and callers under the hosts. */
import type { JSX } from 'preact';
import { formatLevel, loudnessFill, SILENCE_LUFS, TARGET_AT, verdict } from '../audio/loudness';
import { SILENCE_DB } from '../audio/level';
import { placeOf, resetLoudness, setDucking } from '../commands';
import { may } from '../policy';
import type { Episode } from '../protocol';
import { board, programLoudness, role } from '../state';
import { Press, Refusal } from './press';

export function ProgramPanel({ episode }: { episode: Episode }): JSX.Element {
  const places = [placeOf('reset-loudness', episode.id), placeOf('set-ducking', episode.id)];
  return (
    <section class="panel program" aria-labelledby="program-title" data-testid="program">
      <div class="panel-head">
        <h2 id="program-title">Program</h2>
        <span class="spacer" />
        <Press
          place={placeOf('reset-loudness', episode.id)}
          testId="reset-loudness"
          size="small"
          tone="quiet"
          icon="repeat"
          label="Begin the integrated loudness and the highest peak anew"
          disabled={!may(role.value, 'reset-loudness')}
          onPress={() => resetLoudness(episode.id)}
        >
          Reset
        </Press>
      </div>
      <LoudnessMeter />
      <DuckingSwitch episode={episode} />
      <Refusal places={places} />
    </section>
  );
}

function LoudnessMeter(): JSX.Element {
  const target = board.value?.mixing.loudnessTarget ?? -16;
  const { momentary, shortTerm, integrated, truePeak } = programLoudness.value;
  const { tone, word } = verdict(shortTerm, target);
  const fill = loudnessFill(momentary, target);
  return (
    <div class="loudness">
      <p class={`loudness-now ${tone}`}>
        <span class="loudness-number">{formatLevel(shortTerm, SILENCE_LUFS)}</span>
        <span class="faint">LUFS</span>
        <span class="spacer" />
        <strong data-testid="loudness-word">{word}</strong>
      </p>
      <span
        class="meter loudness-meter"
        role="meter"
        aria-label="Program loudness"
        aria-valuemin={target - 18}
        aria-valuemax={target + 9}
        aria-valuenow={Math.round(Math.min(target + 9, Math.max(target - 18, momentary)))}
        aria-valuetext={shortTerm <= SILENCE_LUFS ? 'silent' : `${shortTerm.toFixed(0)} LUFS, ${word}`}
        data-testid="program-level"
        data-active={fill > 0.05}
      >
        <span
          class={`loudness-fill ${tone}`}
          style={{ clipPath: `inset(0 ${(100 - fill * 100).toFixed(1)}% 0 0)` }}
        />
        <span class="loudness-target" style={{ left: `${(TARGET_AT * 100).toFixed(1)}%` }} />
      </span>
      <p class="loudness-scale faint" aria-hidden="true">
        <span>{formatLevel(target - 18, SILENCE_LUFS - 100).replace('.0', '')}</span>
        <span style={{ left: `${(TARGET_AT * 100).toFixed(1)}%` }}>
          target {formatLevel(target, SILENCE_LUFS).replace('.0', '')}
        </span>
        <span>{formatLevel(target + 9, SILENCE_LUFS).replace('.0', '')}</span>
      </p>
      <dl class="loudness-figures">
        <Figure word="Integrated" value={formatLevel(integrated, SILENCE_LUFS)} unit="LUFS" testId="integrated" />
        <Figure word="Momentary" value={formatLevel(momentary, SILENCE_LUFS)} unit="LUFS" testId="momentary" />
        <Figure word="True peak" value={formatLevel(truePeak, SILENCE_DB)} unit="dBTP" testId="true-peak" />
      </dl>
    </div>
  );
}

function Figure(figure: { word: string; value: string; unit: string; testId: string }): JSX.Element {
  return (
    <div>
      <dt>{figure.word}</dt>
      <dd>
        <span class="number" data-testid={figure.testId}>
          {figure.value}
        </span>{' '}
        <span class="faint">{figure.unit}</span>
      </dd>
    </div>
  );
}

/** Callers under the host. A station that has set no depth has nothing to switch. */
function DuckingSwitch({ episode }: { episode: Episode }): JSX.Element | null {
  const depth = board.value?.mixing.duckDb ?? 0;
  if (depth === 0) return null;
  const down = programLoudness.value.ducked;
  return (
    <p class="ducking" data-testid="ducking" data-on={episode.ducking} data-down={down > 0.5}>
      <Press
        place={placeOf('set-ducking', episode.id)}
        testId="set-ducking"
        size="small"
        icon="down"
        tone={episode.ducking ? 'go' : 'plain'}
        pressed={episode.ducking}
        label={`Callers go down by ${depth} dB while a host speaks`}
        disabled={!may(role.value, 'set-ducking')}
        onPress={() => setDucking(episode.id, !episode.ducking)}
      >
        {episode.ducking ? 'Ducking: on' : 'Ducking: off'}
      </Press>
      <span class="faint">
        {down > 0.5 ? `Callers ${formatLevel(-Math.round(down), -100).replace('.0', '')} dB` : 'Callers at full level'}
      </span>
    </p>
  );
}
