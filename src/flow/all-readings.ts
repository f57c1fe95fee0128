import type { ReplayWindow } from '../model/delivery/delivery-run.ts'
import type { Pausable } from '../model/source/source.ts'
import type { Reading } from './reading.ts'

type Readings = () => Iterable<Reading<object>>

/** Pauses and resumes all sources together. */
export function allOf(readings: Readings): Pausable {
  return {
    pause: (reason) => {
      for (const reading of readings()) reading.pause(reason)
    },
    resume: (reason) => {
      for (const reading of readings()) reading.resume(reason)
    },
  }
}

/** What a restart may bring again, over all sources. */
export function replayWindow(readings: Readings): ReplayWindow {
  return {
    mark: () => [...readings()].map(({ watermark }) => watermark.newest),
    passed: (mark) => [...readings()].every(({ storedUpTo }, i) => storedUpTo >= mark[i]!),
    get caughtUp() {
      return [...readings()].every(({ caughtUp }) => caughtUp)
    },
  }
}
