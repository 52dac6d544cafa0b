/** Checks under way in this process, by what they are about, and those that begin when they have ended. */
const underWay = new Map<string, { running: Promise<void>; next?: Promise<void> }>();

/**
 * Lets those who ask for the same check at the same time share one, also the batches of one export. Who asks while one is
 * under way waits for the next, because that one may have looked before: a check always begins after it was asked for.
 *
 * @param about the same for checks that look at the same thing for the same reason
 */
export function sharedCheck(about: string, check: () => Promise<void>): () => Promise<void> {
  const begin = (): Promise<void> => {
    const running = check().finally(() => {
      const own = underWay.get(about);
      if (own?.running === running && own.next === undefined) underWay.delete(about);
    });
    underWay.set(about, { running });
    return running;
  };
  return () => {
    const found = underWay.get(about);
    if (found === undefined) return begin();
    return (found.next ??= found.running.then(begin, begin));
  };
}
