/** Where we are: the path and the query, without hashes. The switch answers every page's path with index.html. */
import { signal } from '@preact/signals';

export const path = signal(location.pathname);
export const query = signal(location.search);

addEventListener('popstate', read);

export function navigate(to: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', to);
  else history.replaceState(null, '', to);
  read();
}

function read(): void {
  path.value = location.pathname;
  query.value = location.search;
}
