import { orAborted } from '../aborted.ts'
import { PauseReasons, type Pausable } from './source.ts'

/** What a source that hands in one group after the other waits at while there is a reason to pause. */
export class PauseGate implements Pausable {
  private resumed = Promise.withResolvers<void>()
  private readonly reasons = new PauseReasons((paused) => {
    if (paused) this.resumed = Promise.withResolvers<void>()
    else this.resumed.resolve()
  })

  get paused(): boolean {
    return this.reasons.paused
  }

  pause(reason: object): void {
    this.reasons.pause(reason)
  }

  resume(reason: object): void {
    this.reasons.resume(reason)
  }

  /** Resolves when the last reason is gone, or the signal is aborted. Only worth a call while it is paused. */
  opened(signal: AbortSignal): Promise<void> {
    return orAborted(this.resumed.promise, signal)
  }
}
