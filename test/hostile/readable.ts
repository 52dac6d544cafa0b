/** For `JSON.stringify`: bytes as the text that they mostly are, whichever realm they come from. */
export function readable(_key: string, value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
  const bytes = value as { type?: unknown; data?: unknown } | null;
  if (bytes?.type === 'Buffer' && Array.isArray(bytes.data))
    return Buffer.from(bytes.data as number[]).toString('utf8');
  return value;
}
