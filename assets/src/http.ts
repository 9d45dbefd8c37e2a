/** The switch's HTTP API as this page uses it. Refusals come out as `Refused`, with the problem's own sentence. */
import type { Ladder, SipCall } from './ladder';
import type { Call, Episode, NextPolicy, Operator, Role, Show } from './protocol';
import { Refused } from './refused';

const TIMEOUT_MS = 10_000;

export interface OperatorRow extends Operator {
  disabled: boolean;
}

export interface ShowFields {
  name: string;
  slug: string;
  phoneNumbers: string[];
  nextPolicy: NextPolicy;
}

export const api = {
  session: () => ask<unknown>('GET', '/api/session').then(operatorOf),
  signIn: (name: string, password: string) =>
    ask<unknown>('POST', '/api/session', { name, password }).then(operatorOf),
  signInByLink: (token: string) => ask<unknown>('POST', '/api/session/link', { token }).then(operatorOf),
  signOut: () => ask<void>('DELETE', '/api/session'),

  createShow: (fields: ShowFields) => ask<Show>('POST', '/api/shows', fields),
  changeShow: (id: string, fields: Partial<ShowFields>) =>
    ask<Show>('PATCH', `/api/shows/${encode(id)}`, fields),
  createEpisode: (showId: string, title: string) => ask<Episode>('POST', '/api/episodes', { showId, title }),

  operators: () => ask<OperatorRow[]>('GET', '/api/operators'),
  createOperator: (fields: { name: string; role: Role; password: string }) =>
    ask<OperatorRow>('POST', '/api/operators', fields),
  changeOperator: (id: string, fields: { role?: Role; password?: string; disabled?: boolean }) =>
    ask<OperatorRow>('PATCH', `/api/operators/${encode(id)}`, fields),

  /** Newest first. */
  sipCalls: () => ask<SipCall[]>('GET', '/api/sip/calls'),
  ladder: (number: number) => ask<Ladder>('GET', `/api/sip/calls/${number}`),
  ladderText: (number: number) => askText(`/api/sip/calls/${number}?format=text`),

  /** Newest first. */
  historyOf: (callerId: string) => ask<Call[]>('GET', `/api/callers/${encode(callerId)}/calls`),
  changeCaller: (callerId: string, fields: { blocked?: boolean; vip?: boolean; notes?: string }) =>
    ask<unknown>('PATCH', `/api/callers/${encode(callerId)}`, fields),
};

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const text = await askText(path, method, body);
  if (text === '') return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new Refused(200, 'The switch answered something this page cannot read. Reload the page.');
  }
}

async function askText(path: string, method = 'GET', body?: unknown): Promise<string> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Refused(0, 'The switch cannot be reached. Check your network and try again.');
  }
  const text = await response.text();
  if (!response.ok) throw new Refused(response.status, detailOf(text) ?? sentenceFor(response.status));
  return text;
}

function operatorOf(answer: unknown): Operator {
  const wrapped = (answer as { operator?: Operator } | null)?.operator;
  return wrapped ?? (answer as Operator);
}

function detailOf(text: string): string | null {
  try {
    const problem = JSON.parse(text) as { detail?: unknown; title?: unknown };
    const sentence = problem.detail ?? problem.title;
    return typeof sentence === 'string' && sentence !== '' ? sentence : null;
  } catch {
    return null;
  }
}

function sentenceFor(status: number): string {
  if (status === 401) return 'You are not signed in.';
  if (status === 403) return 'Your role may not do this.';
  if (status === 404) return 'The switch does not know this.';
  return `The switch refused this (HTTP ${status}).`;
}

function encode(id: string): string {
  return encodeURIComponent(id);
}
