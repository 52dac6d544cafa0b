/** Why a path might not stay below its destination on every file system and in every bucket; undefined when it does. */
export function faultOfPath(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path.includes('\\')) return 'must not contain a backslash, use "/"';
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path))
    return 'must be relative to the destination, without a leading "/"';
  // eslint-disable-next-line no-control-regex -- they are what is refused
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'must not contain control characters';
  if (path.length > 512) return 'must have at most 512 characters';
  for (const segment of path.split('/')) {
    if (segment === '') return 'must not contain empty parts ("//" or a "/" at the end)';
    if (segment === '.' || segment === '..') return `must not contain "${segment}"`;
    if (segment.toLowerCase() === '.export') return 'must not contain ".export", which holds the state of exports';
    if (new TextEncoder().encode(segment).length > 200) return 'must not contain a part of more than 200 bytes';
  }
  return undefined;
}
