/**
 * Headers for a collector, in the form of `OTEL_EXPORTER_OTLP_HEADERS`: `name=value`, percent-encoded, between commas; or
 * one in each line.
 *
 * @throws Error when it has another form; without the text, which is a secret
 */
export function headersOf(text: string): Record<string, string> {
  const entries = text.split(/[,\n]/).filter((entry) => entry.trim() !== '');
  return Object.fromEntries(entries.map((entry, position) => headerOf(entry, position + 1)));
}

function headerOf(entry: string, position: number): [string, string] {
  const [, name = '', value = ''] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(entry) ?? [];
  try {
    if (name !== '') return [name, decodeURIComponent(value)];
  } catch {
    // Told below.
  }
  throw new Error(`headers for the collector: entry ${position} is not name=value, percent-encoded`);
}
