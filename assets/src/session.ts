/** Who is signed in on this browser, and coming and going. */
import { signal } from '@preact/signals';
import { api } from './http';
import { notify } from './notices';
import type { Operator } from './protocol';
import { Refused } from './refused';
import { navigate, path, query } from './route';
import * as socket from './socket';
import { forget } from './state';

export type Session =
  { at: 'asking' } | { at: 'out' } | { at: 'in'; operator: Operator } | { at: 'unreachable'; detail: string };

export const session = signal<Session>({ at: 'asking' });

/** Asks the switch who this browser is; a signed-in one gets its WebSocket. */
export async function resume(): Promise<void> {
  // A sign-in link says who wants to come in, whoever was here before.
  if (path.value === '/sign-in' && new URLSearchParams(query.value).has('token')) {
    session.value = { at: 'out' };
    return;
  }
  session.value = { at: 'asking' };
  try {
    enter(await api.session());
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403))
      session.value = { at: 'out' };
    else
      session.value = { at: 'unreachable', detail: error instanceof Refused ? error.message : String(error) };
  }
}

export async function signIn(name: string, password: string): Promise<void> {
  enter(await api.signIn(name, password));
}

export async function signInByLink(token: string): Promise<void> {
  enter(await api.signInByLink(token));
}

export async function signOut(): Promise<void> {
  try {
    await api.signOut();
  } catch {
    notify('warning', 'The switch did not hear that you signed out. Close this browser if others use it.');
  }
  exit();
}

function enter(operator: Operator): void {
  session.value = { at: 'in', operator };
  socket.open(probe);
}

function exit(): void {
  socket.close();
  forget();
  session.value = { at: 'out' };
  navigate('/sign-in');
}

/** Told from a lost network: a session that ended elsewhere sends this page to the sign-in. */
async function probe(): Promise<'signed-in' | 'signed-out' | 'unreachable'> {
  try {
    await api.session();
    return 'signed-in';
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      exit();
      return 'signed-out';
    }
    return 'unreachable';
  }
}
