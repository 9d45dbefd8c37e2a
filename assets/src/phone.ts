/** Telephone numbers: E.164 in and out, a readable form on the screen. Pure. */

/** `+15551234567` from what a person typed, or a sentence that says what is wrong. */
export function parseE164(typed: string): { number: string } | { problem: string } {
  const text = typed.trim();
  const bare = text.replace(/[\s().\-\u2010-\u2015]/g, '');
  if (!/^\+?\d+$/.test(bare)) return { problem: `“${text}” has characters that are no digits.` };
  if (!bare.startsWith('+'))
    return { problem: `“${text}” needs its country code: begin with +, as in +1 555 123 4567.` };
  if (bare.startsWith('+0')) return { problem: `“${text}” begins with 0: a country code never does.` };
  if (bare.length < 8) return { problem: `“${text}” is too short.` };
  if (bare.length > 16) return { problem: `“${text}” is too long: 15 digits at most.` };
  if (bare.startsWith('+1') && bare.length !== 12) {
    return { problem: `“${text}” must have ten digits after +1.` };
  }
  return { number: bare };
}

/** Several numbers, separated by commas, semicolons or new lines; each once. */
export function parseNumbers(typed: string): { numbers: string[] } | { problem: string } {
  const numbers = new Set<string>();
  for (const piece of typed.split(/[,;\n]/).filter((part) => part.trim() !== '')) {
    const parsed = parseE164(piece);
    if ('problem' in parsed) return parsed;
    numbers.add(parsed.number);
  }
  return { numbers: [...numbers] };
}

/** +1 555 123 4567 for North America; other countries as they are. */
export function formatNumber(e164: string): string {
  const nanp = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(e164);
  return nanp ? `+1 ${nanp[1]} ${nanp[2]} ${nanp[3]}` : e164;
}

/** A slug from a name: lower case, digits and single hyphens. */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
}

export function isSlug(text: string): boolean {
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) && text.length <= 60;
}
