/**
 * Stops on the first of these. Where nobody else listens to a signal of the process, it is raised again after the stop, so
 * that the process ends as it would have done without a broker. Answers what ends listening.
 */
export function stopOn(
  signal: AbortSignal | undefined,
  signals: readonly NodeJS.Signals[],
  stop: () => Promise<unknown>,
): () => void {
  // What the stop rejects with is told to whoever calls `stop`.
  const stopQuietly = (): Promise<unknown> => stop().catch(() => undefined)
  const onAbort = (): void => void stopQuietly()
  const onSignal = (name: NodeJS.Signals): void => {
    const isAlone = process.listenerCount(name) === 1
    void stopQuietly().then(() => isAlone && process.kill(process.pid, name))
  }
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  // First of all: a listener that others added with `once` is gone when it was called, and would not be counted.
  for (const name of signals) process.prependListener(name, onSignal)
  return () => {
    signal?.removeEventListener('abort', onAbort)
    for (const name of signals) process.off(name, onSignal)
  }
}
