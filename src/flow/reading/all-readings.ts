import type { ReplayWindow } from '../../model/delivery/delivery-run.ts'
import type { Pausable } from '../../model/source/source.ts'
import type { Replay } from '../../waiting/replay-mark.ts'
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

/** How far all sources have come with what they read again. */
export function replayOf(readings: Readings): Replay {
  return {
    readUpToMs: () => Math.min(...[...readings()].map(({ progress }) => progress.replayedUpToMs)),
    isSourceDown: () => [...readings()].some(({ progress }) => progress.isDown),
    mark: () => [...readings()].map(({ watermark }) => watermark.newestSealed),
    isFinished: (mark) => [...readings()].every(({ watermark }, i) => watermark.finished >= mark[i]!),
  }
}
