/** Shows: what they are called, which numbers reach them, what Next does to the caller before. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { api, type ShowFields } from '../../http';
import { Press, Refusal } from '../../parts/press';
import { formatNumber, isSlug, parseNumbers, slugOf } from '../../phone';
import { press, refuse } from '../../presses';
import type { NextPolicy, Show } from '../../protocol';
import { board } from '../../state';

interface Typed {
  /** The show being changed; null when it is a new one. */
  id: string | null;
  name: string;
  slug: string;
  slugTouched: boolean;
  numbers: string;
  nextPolicy: NextPolicy;
}

const BLANK: Typed = { id: null, name: '', slug: '', slugTouched: false, numbers: '', nextPolicy: 'drop' };
const form = signal<Typed | null>(null);
const PLACE = 'save-show';

export function Shows(): JSX.Element {
  const shows = [...(board.value?.shows.values() ?? [])].sort((a, b) => a.name.localeCompare(b.name));
  const open = form.value ?? (shows.length === 0 ? BLANK : null);
  return (
    <section class="panel" aria-labelledby="shows-title" data-testid="shows">
      <div class="panel-head">
        <h2 id="shows-title">Shows</h2>
        <span class="spacer" />
        {!open && (
          <Press
            place="new-show"
            testId="new-show"
            size="small"
            icon="plus"
            tone="mine"
            onPress={() => (form.value = BLANK)}
          >
            New show
          </Press>
        )}
      </div>
      {open && <ShowForm typed={open} mayCancel={shows.length > 0} />}
      <ul class="rows">
        {shows.map((show) => (
          <ShowRow key={show.id} show={show} />
        ))}
      </ul>
    </section>
  );
}

function ShowRow({ show }: { show: Show }): JSX.Element {
  return (
    <li class="row" data-testid={`show-${show.id}`}>
      <div class="row-main">
        <div class="row-title">
          <strong class="name">{show.name}</strong>
          <code class="faint">{show.slug}</code>
        </div>
        <div class="row-detail">
          {show.phoneNumbers.length > 0 ? show.phoneNumbers.map(formatNumber).join(', ') : 'No number yet'}
          {' · '}
          {show.nextPolicy === 'hold'
            ? 'Next puts the caller before back on hold'
            : 'Next drops the caller before'}
        </div>
      </div>
      <Press
        place={`edit-show:${show.id}`}
        testId="edit-show"
        size="small"
        label={`Change ${show.name}`}
        onPress={() =>
          (form.value = {
            id: show.id,
            name: show.name,
            slug: show.slug,
            slugTouched: true,
            numbers: show.phoneNumbers.join('\n'),
            nextPolicy: show.nextPolicy,
          })
        }
      >
        Change
      </Press>
    </li>
  );
}

function ShowForm({ typed, mayCancel }: { typed: Typed; mayCancel: boolean }): JSX.Element {
  const change = (fields: Partial<Typed>) => (form.value = { ...typed, ...fields });
  const parsed = parseNumbers(typed.numbers);
  return (
    <form
      class="stacked-form"
      aria-label={typed.id ? `Change ${typed.name}` : 'New show'}
      onSubmit={(event) => void save(event, typed)}
    >
      <div class="card-pair">
        <div class="field">
          <label for="show-name">Name</label>
          <input
            id="show-name"
            data-testid="show-name"
            maxLength={80}
            value={typed.name}
            onInput={({ currentTarget: { value } }) =>
              change({ name: value, ...(typed.slugTouched ? {} : { slug: slugOf(value) }) })
            }
          />
        </div>
        <div class="field">
          <label for="show-slug">
            Slug <span class="faint">in addresses</span>
          </label>
          <input
            id="show-slug"
            data-testid="show-slug"
            maxLength={60}
            value={typed.slug}
            onInput={(event) => change({ slug: event.currentTarget.value, slugTouched: true })}
          />
        </div>
      </div>
      <div class="field">
        <label for="show-numbers">
          Phone numbers <span class="faint">with country code, one on each line</span>
        </label>
        <textarea
          id="show-numbers"
          data-testid="show-numbers"
          rows={2}
          inputMode="tel"
          placeholder="+1 555 123 4567"
          value={typed.numbers}
          aria-invalid={'problem' in parsed}
          aria-describedby="show-numbers-hint"
          onInput={(event) => change({ numbers: event.currentTarget.value })}
        />
        <span
          id="show-numbers-hint"
          class={'problem' in parsed ? 'hint wrong' : 'hint'}
          data-testid="show-numbers-hint"
        >
          {'problem' in parsed ? parsed.problem : parsed.numbers.map(formatNumber).join(', ')}
        </span>
      </div>
      <fieldset class="choice">
        <legend>When the host presses Next, the caller on air</legend>
        {(['drop', 'hold'] as const).map((policy) => (
          <label key={policy}>
            <input
              type="radio"
              name="next-policy"
              data-testid={`next-policy-${policy}`}
              checked={typed.nextPolicy === policy}
              onChange={() => change({ nextPolicy: policy })}
            />
            {policy === 'drop' ? 'is dropped' : 'goes back on hold'}
          </label>
        ))}
      </fieldset>
      <Refusal places={[PLACE]} />
      <div class="form-actions">
        <Press place={PLACE} testId="save-show" tone="mine" icon="check" type="submit">
          {typed.id ? 'Save' : 'Make show'}
        </Press>
        {mayCancel && (
          <Press place="cancel-show" testId="cancel-show" tone="quiet" onPress={() => (form.value = null)}>
            Cancel
          </Press>
        )}
      </div>
    </form>
  );
}

async function save(event: Event, typed: Typed): Promise<void> {
  event.preventDefault();
  const fields = fieldsOf(typed);
  if ('problem' in fields) {
    refuse(PLACE, fields.problem);
    return;
  }
  const saved = await press(PLACE, () =>
    typed.id ? api.changeShow(typed.id, fields) : api.createShow(fields),
  );
  if (saved) form.value = null;
}

function fieldsOf(typed: Typed): ShowFields | { problem: string } {
  const name = typed.name.trim();
  if (name === '') return { problem: 'Write a name for the show.' };
  if (!isSlug(typed.slug))
    return { problem: 'The slug may have small letters, digits and single hyphens, as in night-drive.' };
  const numbers = parseNumbers(typed.numbers);
  if ('problem' in numbers) return numbers;
  return { name, slug: typed.slug, phoneNumbers: numbers.numbers, nextPolicy: typed.nextPolicy };
}
