import type { DropResult, PauseResult } from '../../model/delivery/deliveries.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { Daemon } from '../daemon/daemon-contract.ts'

interface Running {
  readonly daemon: Daemon
  /** Gives the share back. */
  readonly stop: AbortController
}

/** The shares that a worker runs or waits for, and what is asked of all of them as of one. */
export class RunningShares {
  private readonly running = new Map<number, Running>()

  open(share: number, daemon: Daemon, stop: AbortController): void {
    this.running.set(share, { daemon, stop })
  }

  close(share: number): void {
    this.running.delete(share)
  }

  isLeaving(share: number): boolean {
    return this.running.get(share)?.stop.signal.aborted ?? false
  }

  giveBack(share: number): void {
    this.running.get(share)?.stop.abort()
  }

  reload(ruleSet: RuleSet): void {
    for (const daemon of this.daemons) daemon.reload(ruleSet)
  }

  dropTarget(target: string): DropResult {
    const answers = this.daemons.map((daemon) => daemon.dropTarget(target))
    return answers.find((answer) => answer !== 'unknown') ?? 'unknown'
  }

  /** The first that leads stores it for all. */
  async setTargetPaused(target: string, isPaused: boolean, by: string): Promise<PauseResult> {
    let result: PauseResult = 'not leading'
    for (const daemon of this.daemons) {
      const answer = await daemon.setTargetPaused(target, isPaused, by)
      if (answer === 'not leading') continue
      result = answer
      if (answer === 'done') break
    }
    if (result === 'done') this.pauseAsKept(target)
    return result
  }

  pauseAsKept(target: string): void {
    for (const daemon of this.daemons) daemon.pauseAsKept(target)
  }

  resumeRule(rule: string): boolean {
    return this.daemons.map((daemon) => daemon.resumeRule(rule)).includes(true)
  }

  private get daemons(): readonly Daemon[] {
    return [...this.running.values()].map(({ daemon }) => daemon)
  }
}
