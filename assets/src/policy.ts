/**
 * Who may press what, so that a page offers only what the switch would accept.
 * The switch decides; this table only mirrors the one in docs/websocket.md.
 */
import type { CommandName, Role } from './protocol';

export type Page = 'screener' | 'host' | 'admin';

const MAY: Record<CommandName, readonly Role[]> = {
  'pick-up': ['screener', 'producer'],
  'pick-up-next': ['screener', 'producer'],
  approve: ['screener', 'producer'],
  'back-to-lobby': ['screener', 'producer'],
  'update-card': ['screener', 'producer', 'host', 'co-host'],
  'set-next': ['screener', 'producer', 'host'],
  reorder: ['screener', 'producer', 'host'],
  'put-on-air': ['host', 'co-host'],
  'put-on-hold': ['host', 'co-host'],
  next: ['host'],
  'set-muted': ['host', 'co-host'],
  'set-gain': ['host', 'co-host', 'producer'],
  'set-denoise': ['host', 'co-host', 'producer'],
  drop: ['screener', 'producer', 'host', 'co-host'],
  'block-caller': ['screener', 'producer', 'host'],
  dial: ['producer', 'host'],
  'call-back': ['screener', 'producer', 'host'],
  'record-consent': ['screener', 'producer', 'host'],
  'withdraw-consent': ['screener', 'producer', 'host'],
  transfer: ['screener', 'producer', 'host'],
  'start-show': ['host', 'producer'],
  'end-show': ['host', 'producer'],
  'open-lines': ['host', 'producer', 'screener'],
  'close-lines': ['host', 'producer', 'screener'],
  'busy-all': ['host', 'producer', 'screener'],
  'set-ducking': ['host', 'co-host', 'producer'],
  'reset-loudness': ['host', 'co-host', 'producer'],
  'room-token': ['screener', 'producer', 'host', 'co-host'],
};

export function may(role: Role, command: CommandName): boolean {
  return role === 'admin' || MAY[command].includes(role);
}

/** Dropping depends on where the caller is: on air it is the host's and co-host's, elsewhere not the co-host's. */
export function mayDrop(role: Role, where: 'on-air' | 'off-air'): boolean {
  if (role === 'admin') return true;
  return where === 'on-air' ? role === 'host' || role === 'co-host' : may(role, 'drop') && role !== 'co-host';
}

/** Callers are passed on to help lines by everybody at the desk, to any number by these. */
export function mayTransferAnywhere(role: Role): boolean {
  return role === 'admin' || role === 'producer';
}

const PAGES: Record<Role, readonly Page[]> = {
  admin: ['screener', 'host', 'admin'],
  producer: ['admin', 'screener'],
  host: ['host'],
  'co-host': ['host'],
  screener: ['screener'],
  viewer: ['host'],
};

/** The pages a role may open; an admin's own page is the last of the three. */
export function pagesOf(role: Role): readonly Page[] {
  return PAGES[role];
}

export function homeOf(role: Role): Page {
  return role === 'admin' ? 'admin' : (PAGES[role][0] ?? 'host');
}
