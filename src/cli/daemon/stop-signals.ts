import { ExitCode } from '../output/exit-codes.ts'

export interface StopSignals extends Disposable {
  /** Aborted by the first SIGINT or SIGTERM: finish what is under way. */
  readonly signal: AbortSignal
}

export interface StopOptions {
  /** From the first signal to the end, at most; the process is ended then. Undefined: no watchdog. */
  readonly deadlineMs?: number
  /** Told of the first signal. */
  readonly onStop?: (signal: NodeJS.Signals) => void
  /** A thread may wait in a write that Node would wait for before it exits: the second signal ends the process by itself. */
  readonly mayBeStuck?: boolean
}

/** The deadline bounds the draining itself; saving and closing come on top. */
const GRACE_MS = 2_000

/**
 * The first SIGINT or SIGTERM asks for a clean stop, the second ends the process at once, and a watchdog ends it when
 * the stop hangs. What was not finished is replayed after the next start (invariant 1).
 */
export function stopSignals(options: StopOptions = {}): StopSignals {
  const controller = new AbortController()
  let watchdog: NodeJS.Timeout | undefined
  const handler = (name: NodeJS.Signals): void => {
    const code = name === 'SIGINT' ? ExitCode.interrupted : ExitCode.terminated
    if (controller.signal.aborted) {
      if (options.mayBeStuck === true) process.off(name, handler).kill(process.pid, name)
      process.exit(code)
    }
    options.onStop?.(name)
    if (options.deadlineMs !== undefined) {
      watchdog = setTimeout(() => process.exit(ExitCode.terminated), options.deadlineMs + GRACE_MS).unref()
    }
    controller.abort()
  }
  process.on('SIGINT', handler)
  process.on('SIGTERM', handler)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(watchdog)
      process.off('SIGINT', handler)
      process.off('SIGTERM', handler)
    },
  }
}
