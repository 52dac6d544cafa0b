/**
 * Lets those who ask for a check at the same time share one. Who asks while one is under way waits for the next, because
 * that one may have looked before: a check always begins after it was asked for.
 */
export function sharedCheck(check: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    next = undefined;
    running = check().finally(() => (running = undefined));
    return running;
  };
  return () => {
    if (running === undefined) return begin();
    next ??= running.then(begin, begin);
    return next;
  };
}
