/** Whether a server wants fewer requests: 429 and 503, of whatever was asked. */
export function busyBy({ status }: { status: number }): { busy?: true } {
  return status === 429 || status === 503 ? { busy: true } : {};
}
