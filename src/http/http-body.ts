/**
 * Takes the next bytes, which belong to it until it releases them. While a promise is pending nothing more is received.
 */
export type Take = (chunk: Buffer) => Promise<void> | undefined;

/** A body that has not been read yet. */
export interface HttpBody {
  /**
   * Receives the body to its end. Once only.
   *
   * @throws NetworkError when it breaks off or stalls, `SlowBodyError` when it nearly does; the signal's reason when
   *   the request was aborted; what `take` throws, and then the connection is closed
   */
  receive(take: Take): Promise<void>;
  /** Discards the body; keeps the connection when little of the body is left, and that comes soon. Never fails. */
  dump(): Promise<void>;
  /** Closes the connection, unless the body has ended. */
  destroy(): void;
}
