/** What is wrong with the content as such; nothing was wrong with its transfer. */
export class ContentError extends Error {
  override readonly name = 'ContentError';
}
