/** Signing in: name and password, or the one-time link the switch printed. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Mark } from '../parts/icons';
import { Press, Refusal } from '../parts/press';
import { press, refuse } from '../presses';
import { navigate, query } from '../route';
import { signIn, signInByLink } from '../session';

const PLACE = 'sign-in';
const byLink = signal(false);

export function SignInPage(): JSX.Element {
  const name = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  useEffect(() => {
    void followLink().then(() => name.current?.focus());
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    const typedName = name.current?.value.trim() ?? '';
    const typedPassword = password.current?.value ?? '';
    if (typedName === '' || typedPassword === '') refuse(PLACE, 'Write your name and your password.');
    else void press(PLACE, () => signIn(typedName, typedPassword));
  };
  return (
    <main class="alone" data-testid="sign-in-page">
      <form class="sign-in" onSubmit={submit} aria-labelledby="sign-in-title">
        <Mark />
        <h1 id="sign-in-title">Sign in to audioroad</h1>
        {byLink.value && <p class="faint">Signing in by your link…</p>}
        <div class="field">
          <label for="sign-in-name">Name</label>
          <input
            id="sign-in-name"
            data-testid="sign-in-name"
            ref={name}
            autocomplete="username"
            autocapitalize="off"
            spellcheck={false}
          />
        </div>
        <div class="field">
          <label for="sign-in-password">Password</label>
          <input
            id="sign-in-password"
            data-testid="sign-in-password"
            ref={password}
            type="password"
            autocomplete="current-password"
          />
        </div>
        <Refusal places={[PLACE]} />
        <Press place={PLACE} testId="sign-in" tone="mine" size="big" type="submit">
          Sign in
        </Press>
        <p class="faint">
          First start? Open the sign-in link that the switch printed. Password lost? An admin can set a new
          one.
        </p>
      </form>
    </main>
  );
}

/** A one-time link is used once, and its token does not stay in the address bar. */
async function followLink(): Promise<void> {
  const token = new URLSearchParams(query.value).get('token');
  if (token === null) return;
  navigate('/sign-in', 'replace');
  byLink.value = true;
  await press(PLACE, () => signInByLink(token));
  byLink.value = false;
}
