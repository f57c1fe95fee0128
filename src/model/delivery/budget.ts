import type { TargetConfig } from '../rule/target-config.ts'
import { TargetState } from './target-state.ts'

/** Reading that was paused goes on below this part of the budget. */
const RESUME_SHARE = 0.75

/**
 * The bytes that unfinished jobs may hold, and do hold, in all and by target (invariant 6). What is paused and resumed by
 * it is the business of back-pressure.
 */
export class Budget {
  readonly limitBytes: number
  /** What a target that is down may hold of it. */
  readonly targetLimitBytes: number
  /** Jobs that exist and the bytes charged for them. */
  jobs = 0
  bytes = 0
  /** Reading is paused because the budget is used up. */
  paused = false
  private readonly byId = new Map<string, TargetState>()
  private lastConfig: Pick<TargetConfig, 'id' | 'type'> | null = null
  private lastTarget: TargetState | null = null

  /** Without `targetLimitBytes` a target that is down may hold three quarters of the budget. */
  constructor(limitBytes: number, targetLimitBytes = limitBytes * 0.75) {
    this.limitBytes = limitBytes
    this.targetLimitBytes = Math.min(targetLimitBytes, limitBytes)
  }

  get targets(): ReadonlyMap<string, TargetState> {
    return this.byId
  }

  /** The state of a target, made when first asked for. */
  target(config: Pick<TargetConfig, 'id' | 'type'>): TargetState {
    // Asked for once per job, mostly for the same target.
    if (config === this.lastConfig) return this.lastTarget!
    let target = this.byId.get(config.id)
    if (target === undefined) {
      target = new TargetState(config)
      this.byId.set(config.id, target)
    }
    this.lastConfig = config
    this.lastTarget = target
    return target
  }

  /** No rule names it and nothing waits for it. */
  forget(target: TargetState): void {
    this.byId.delete(target.id)
  }

  charge(config: TargetConfig, bytes: number, jobs: number): void {
    this.jobs += jobs
    this.bytes += bytes
    this.target(config).inFlightBytes += bytes
  }

  /** The target that the bytes were charged for. */
  release(config: TargetConfig, bytes: number, jobs: number): TargetState {
    this.jobs -= jobs
    this.bytes -= bytes
    const target = this.target(config)
    target.inFlightBytes -= bytes
    return target
  }

  /** The target that was charged or released last. */
  get latest(): TargetState | null {
    return this.lastTarget
  }

  /** Reading has to pause. */
  get full(): boolean {
    return this.bytes > this.limitBytes || this.blockingTarget() !== null
  }

  /** Enough is free for reading to go on after a pause. */
  get hasRoom(): boolean {
    return this.bytes < this.limitBytes * RESUME_SHARE && this.blockingTarget() === null
  }

  /**
   * The target that keeps reading from going on: it is down or paused, and either holds its share of the budget, or is the
   * largest of several such and together leave too little of it. Null when there is none.
   */
  blockingTarget(): TargetState | null {
    let held = 0
    let largest: TargetState | null = null
    for (const target of this.byId.values()) {
      if (!target.isShut) continue
      held += target.inFlightBytes
      if (largest === null || target.inFlightBytes > largest.inFlightBytes) largest = target
    }
    if (largest === null) return null
    const full = largest.inFlightBytes >= this.targetLimitBytes || held >= this.limitBytes * RESUME_SHARE
    return full ? largest : null
  }
}
