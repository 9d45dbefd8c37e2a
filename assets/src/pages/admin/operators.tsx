/** Operators: who may sign in, as what; new passwords, and shutting somebody out. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { api, type OperatorRow } from '../../http';
import { Icon } from '../../parts/icons';
import { Press, Refusal } from '../../parts/press';
import { press, refuse } from '../../presses';
import { ROLES, type Role } from '../../protocol';
import { Refused } from '../../refused';
import { board } from '../../state';

const PASSWORD_LENGTH_MIN = 10;
const CREATE = 'create-operator';

type Listed = { at: 'loading' } | { at: 'known'; rows: OperatorRow[] } | { at: 'failed'; detail: string };

const listed = signal<Listed>({ at: 'loading' });
const fresh = signal({ name: '', role: 'screener' as Role, password: '' });
/** The operator whose new password is being written. */
const resetting = signal<{ id: string; password: string } | null>(null);

export function Operators(): JSX.Element {
  useEffect(() => void load(), []);
  const state = listed.value;
  return (
    <section class="panel" aria-labelledby="operators-title" data-testid="operators">
      <div class="panel-head">
        <h2 id="operators-title">Operators</h2>
      </div>
      <NewOperator />
      {state.at === 'loading' && <p class="faint pad">Fetching…</p>}
      {state.at === 'failed' && (
        <div class="trouble">
          <Icon name="warning" />
          <span>{state.detail}</span>
          <Press place="operators-retry" testId="operators-retry" size="small" onPress={load}>
            Try again
          </Press>
        </div>
      )}
      <ul class="rows">
        {state.at === 'known' && state.rows.map((row) => <OperatorLine key={row.id} row={row} />)}
      </ul>
    </section>
  );
}

function NewOperator(): JSX.Element {
  const create = async (event: Event) => {
    event.preventDefault();
    const sent = fresh.value;
    const { name, role, password } = sent;
    if (name.trim() === '') return refuse(CREATE, 'Write the name this person signs in with.');
    if (password.length < PASSWORD_LENGTH_MIN)
      return refuse(CREATE, `A password has at least ${PASSWORD_LENGTH_MIN} characters.`);
    const made = await press(CREATE, () => api.createOperator({ name: name.trim(), role, password }));
    if (!made) return;
    // Who types on while it is under way keeps what they typed.
    if (fresh.value === sent) fresh.value = { name: '', role: 'screener', password: '' };
    put(made.result);
  };
  return (
    <form class="inline-form" aria-label="New operator" onSubmit={(event) => void create(event)}>
      <div class="field grow">
        <label for="operator-name-new">Name</label>
        <input
          id="operator-name-new"
          data-testid="operator-new-name"
          maxLength={80}
          autocomplete="off"
          value={fresh.value.name}
          onInput={(event) => (fresh.value = { ...fresh.value, name: event.currentTarget.value })}
        />
      </div>
      <div class="field">
        <label for="operator-role-new">Role</label>
        <RolePicker
          id="operator-role-new"
          testId="operator-new-role"
          role={fresh.value.role}
          onPick={(role) => (fresh.value = { ...fresh.value, role })}
        />
      </div>
      <div class="field grow">
        <label for="operator-password-new">Password</label>
        <input
          id="operator-password-new"
          data-testid="operator-new-password"
          type="password"
          autocomplete="new-password"
          value={fresh.value.password}
          onInput={(event) => (fresh.value = { ...fresh.value, password: event.currentTarget.value })}
        />
      </div>
      <Press place={CREATE} testId="create-operator" tone="mine" icon="plus" type="submit">
        Add
      </Press>
      <Refusal places={[CREATE]} />
    </form>
  );
}

function OperatorLine({ row }: { row: OperatorRow }): JSX.Element {
  const me = board.value?.you.operatorId === row.id;
  const at = `operator:${row.id}`;
  const change = (fields: Parameters<typeof api.changeOperator>[1]) =>
    press(at, async () => put(await api.changeOperator(row.id, fields)));
  const connected = board.value?.operators.get(row.id)?.connected ?? false;
  return (
    <li
      class={`row operator-row${row.disabled ? ' disabled' : ''}`}
      data-testid={`operator-${row.id}`}
      data-disabled={row.disabled}
    >
      <div class="row-main">
        <div class="row-title">
          <strong class="name">{row.name}</strong>
          {me && <span class="faint">you</span>}
        </div>
        <div class="row-detail">
          {row.disabled ? 'Disabled: may not sign in' : connected ? 'At the desk now' : 'Not connected'}
        </div>
        {resetting.value?.id === row.id && <ResetForm row={row} onDone={change} />}
        <Refusal places={[at]} />
      </div>
      <span class="row-actions">
        <RolePicker
          id={`role-${row.id}`}
          testId="operator-role"
          label={`Role of ${row.name}`}
          role={row.role}
          disabled={me}
          onPick={(role) => void change({ role })}
        />
        <Press
          place={`reset:${row.id}`}
          testId="reset-password"
          size="small"
          label={`New password for ${row.name}`}
          onPress={() =>
            (resetting.value = resetting.value?.id === row.id ? null : { id: row.id, password: '' })
          }
        >
          New password
        </Press>
        <Press
          place={at}
          testId={row.disabled ? 'enable-operator' : 'disable-operator'}
          size="small"
          icon={row.disabled ? 'check' : 'block'}
          disabled={me}
          onPress={() => change({ disabled: !row.disabled })}
        >
          {row.disabled ? 'Enable' : 'Disable'}
        </Press>
      </span>
    </li>
  );
}

function ResetForm({
  row,
  onDone,
}: {
  row: OperatorRow;
  onDone: (fields: { password: string }) => Promise<unknown>;
}): JSX.Element {
  const typed = resetting.value?.password ?? '';
  const save = async (event: Event) => {
    event.preventDefault();
    if (typed.length < PASSWORD_LENGTH_MIN)
      return refuse(`operator:${row.id}`, `A password has at least ${PASSWORD_LENGTH_MIN} characters.`);
    if (await onDone({ password: typed })) resetting.value = null;
  };
  return (
    <form
      class="inline-form tight"
      aria-label={`New password for ${row.name}`}
      onSubmit={(event) => void save(event)}
    >
      <div class="field grow">
        <label for={`password-${row.id}`}>New password</label>
        <input
          id={`password-${row.id}`}
          data-testid="new-password"
          type="password"
          autocomplete="new-password"
          value={typed}
          onInput={(event) => (resetting.value = { id: row.id, password: event.currentTarget.value })}
        />
      </div>
      <Press place={`operator:${row.id}`} testId="save-password" size="small" tone="mine" type="submit">
        Save
      </Press>
    </form>
  );
}

interface RolePickerProps {
  id: string;
  testId: string;
  role: Role;
  onPick: (role: Role) => void;
  label?: string;
  disabled?: boolean;
}

function RolePicker({ id, testId, role, onPick, label, disabled }: RolePickerProps): JSX.Element {
  return (
    <select
      id={id}
      data-testid={testId}
      aria-label={label}
      disabled={disabled}
      value={role}
      onChange={(event) => onPick(event.currentTarget.value as Role)}
    >
      {ROLES.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </select>
  );
}

async function load(): Promise<void> {
  try {
    listed.value = { at: 'known', rows: await api.operators() };
  } catch (error) {
    listed.value = {
      at: 'failed',
      detail: error instanceof Refused ? error.message : 'The operators could not be read.',
    };
  }
}

function put(row: OperatorRow): void {
  if (listed.value.at !== 'known') return;
  const others = listed.value.rows;
  const rows = others.some((other) => other.id === row.id)
    ? others.map((other) => (other.id === row.id ? row : other))
    : [...others, row];
  listed.value = { at: 'known', rows };
}
