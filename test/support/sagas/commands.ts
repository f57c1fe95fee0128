import { RedeliveryResults } from '../../../src/deliver/dead-letters/redelivery-results.ts'
import { TargetQueue } from '../../../src/deliver/queue/target-queue.ts'
import type { Clock } from '../../../src/model/clock.ts'
import type { Commands } from '../../../src/model/delivery/commands.ts'
import { TargetState } from '../../../src/model/delivery/target-state.ts'
import type { Target } from '../../../src/model/rule/action.ts'
import type { TargetConfig } from '../../../src/model/rule/target-config.ts'
import { silentLog } from '../../../src/model/silent-log.ts'

export interface SoleCommands extends Commands {
  /** Since when the target is paused; 0: it is not. */
  setPaused(target: TargetConfig, sinceMs: number): void
}

/** The queues of targets as they are, with nothing in them but commands. */
export function commandsTo(openTarget: (target: TargetConfig) => Promise<Target>, clock: Clock): SoleCommands {
  const { signal } = new AbortController()
  const undelivered = new RedeliveryResults(signal)
  const queues = new Map<string, TargetQueue>()
  const queueOf = (config: TargetConfig): TargetQueue => {
    let queue = queues.get(config.id)
    if (queue === undefined) {
      queue = new TargetQueue({
        config,
        lanes: 1,
        open: () => openTarget(config),
        undelivered,
        clock,
        log: silentLog,
        repeats: { write: () => undefined },
        logSends: null,
        state: new TargetState(config),
        signal,
        onEnd: () => undefined,
      })
      queues.set(config.id, queue)
    }
    return queue
  }
  return {
    opened: Promise.resolve(),
    ask: (command) => queueOf(command.action.target).ask(command),
    isCrowded: (target) => queueOf(target).isCrowded,
    setPaused: (target, sinceMs) => queueOf(target).setPaused(sinceMs),
  }
}
