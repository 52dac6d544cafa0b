/** Names as a sentence lists them: "a, b or c". */
export function alternatives(names: readonly string[]): string {
  return names.join(', ').replace(/, ([^,]*)$/, ' or $1');
}
