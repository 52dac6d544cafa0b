/**
 * Begins the message with which a query is refused for some seconds, while Temporal finds out that a worker is gone and
 * another one takes over: see `workflows/query-guard.ts`. Whoever asks again then gets an answer.
 */
export const ASK_AGAIN = 'Ask again in some seconds';
