/** Takes the place of a secret. */
export const REDACTED = '[redacted]';

/**
 * Removes secrets from what a server wrote: as they are, and as JSON, HTML, a URL or a form spells them. Servers quote
 * what they refuse.
 */
export function hide(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap(spellings)
    .sort((a, b) => b.length - a.length)
    .reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text);
}

function spellings(secret: string): string[] {
  if (secret === '') return [];
  const json = JSON.stringify(secret).slice(1, -1);
  const escaped = [secret, json, json.replaceAll('/', '\\/'), html(secret)];
  const encoded = [encodeURIComponent(secret), new URLSearchParams({ '': secret }).toString().slice(1)];
  return [...new Set([...escaped, ...encoded, ...encoded.map(lowerEscapes)])];
}

function html(text: string): string {
  const names: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": '#39' };
  return text.replaceAll(/[&<>"']/g, (letter) => `&${names[letter]};`);
}

function lowerEscapes(text: string): string {
  return text.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}
