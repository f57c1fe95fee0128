import type { Clock, Timer } from '../model/clock.ts'
import type { Pausable } from '../model/source/source.ts'
import type { TargetState } from '../model/delivery/target-state.ts'

/** Enough to keep a target busy until reading has gone on. What waits longer than it must grows old in the heap. */
const ENOUGH_QUEUED = 6_000
const GO_ON_BELOW = 3_000
const LOOK_EVERY_MS = 20
/** A target that ends fewer jobs than this from look to look does not keep up: the budget is there for it. */
const LEAST_ENDED = 100
/** Jobs end by the send, and a send of thousands takes longer than the time between two looks. */
const FIRST_JUDGED_LOOK = 5
/** Whoever has a long queue to get through is not waited for until its end. */
const MOST_LOOKS = 8
/** It gets another chance after so long: a machine that was busy elsewhere made a fast target look slow. */
const SLOW_FOR_MS = 2_000

/**
 * Lets targets that keep up catch their breath: reading rests while one of them has enough queued, for milliseconds. It
 * comes up again as fast, and a bulk change leaves a few thousand jobs in memory instead of as many as the budget
 * allows, which is what garbage collection costs (`npm run bench -- --only b`). Other targets are held up meanwhile, for
 * 160 ms at most, and by a target that ends fewer than 5,000 jobs a second for 100 ms of every two seconds.
 */
export class BriefPause {
  private readonly sources: Pausable
  private readonly clock: Pick<Clock, 'after' | 'afterIdle'>
  private resting: TargetState | null = null
  private queuedBefore = 0
  private looks = 0
  private timer: Timer | null = null
  /** Not rested for, each until its timer ends. */
  private readonly slow = new Map<TargetState, Timer>()

  constructor(sources: Pausable, clock: Pick<Clock, 'after' | 'afterIdle'>) {
    this.sources = sources
    this.clock = clock
  }

  /** Reading rests. */
  get active(): boolean {
    return this.resting !== null
  }

  /** A job for `target` was queued. */
  check(target: TargetState): void {
    if (target.queued <= ENOUGH_QUEUED || this.resting !== null || target.downSince !== 0 || this.slow.has(target))
      return
    this.resting = target
    this.sources.pause(this)
    this.looks = 0
    this.queuedBefore = target.queued
    this.lookLater(target)
  }

  /** A job of `target` has ended. */
  released(target: TargetState): void {
    if (this.resting === target && target.queued <= GO_ON_BELOW) this.goOn()
  }

  /** Nothing is read any more. */
  stop(): void {
    this.endRest()
    for (const timer of this.slow.values()) timer.cancel()
    this.slow.clear()
  }

  private lookLater(target: TargetState): void {
    this.timer = this.clock.after(LOOK_EVERY_MS, () => this.look(target))
  }

  private look(target: TargetState): void {
    this.looks += 1
    const keepsUp = this.queuedBefore - target.queued >= LEAST_ENDED * this.looks
    if (this.looks < MOST_LOOKS && (keepsUp || this.looks < FIRST_JUDGED_LOOK)) {
      this.lookLater(target)
      return
    }
    this.slow.set(
      target,
      this.clock.afterIdle(SLOW_FOR_MS, () => this.slow.delete(target)),
    )
    this.goOn()
  }

  private goOn(): void {
    this.endRest()
    this.sources.resume(this)
  }

  private endRest(): void {
    this.timer?.cancel()
    this.timer = null
    this.resting = null
  }
}
