/** Resolves when the signal is aborted, at once if it is already. To be raced against what may take long. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/**
 * Resolves with the promise or when the signal is aborted, rejects with the promise. Leaves no listener at the signal: a loop
 * may wait for one signal as often as it likes.
 */
export function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve()
    signal.addEventListener('abort', stop, { once: true })
    promise.finally(() => signal.removeEventListener('abort', stop)).then(() => resolve(), reject)
  })
}
