/** Calls of this episode that are over: why, and the way back to those who dropped. */
import type { JSX } from 'preact';
import { canCallBack } from '../calls-out';
import { may } from '../policy';
import { ended } from '../queue';
import { board, episode, role } from '../state';
import { formatElapsed } from '../time';
import { CallBack } from './call-out';
import { label } from './flags';

export function EndedCalls(): JSX.Element | null {
  if (!board.value || !episode.value) return null;
  const calls = ended(board.value, episode.value);
  if (calls.length === 0) return null;
  const mayCallBack = may(role.value, 'call-back') && board.value.callsOut.offBecause === null;
  const all = [...board.value.calls.values()];
  return (
    <details class="ended" data-testid="ended-calls">
      <summary>Ended calls ({calls.length})</summary>
      <ul>
        {calls.map((call) => (
          <li key={call.id} data-testid={`ended-${call.id}`}>
            <span class="name">{label(call)}</span>
            <span class="faint">
              {call.causeText ?? call.cause ?? 'Ended'}
              {call.onAirSeconds ? ` · ${formatElapsed(call.onAirSeconds)} on air` : ''}
            </span>
            {mayCallBack && canCallBack(call, all) && <CallBack call={call} />}
          </li>
        ))}
      </ul>
    </details>
  );
}
