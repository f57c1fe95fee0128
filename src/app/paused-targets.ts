import type { Pipeline } from '../flow/pipeline-contract.ts'
import type { PauseResult } from '../model/delivery/deliveries.ts'
import type { Clock } from '../model/clock.ts'
import { mapOf, text, time, valuesOf } from '../model/json/shape.ts'
import type { Log } from '../model/rule/action.ts'
import type { StateStore } from '../model/state/state.ts'
import { KeptValue } from './kept-value.ts'

interface Pause {
  readonly at: number
  readonly by: string
}

type Paused = { readonly [target: string]: Pause }

const STORED = mapOf({ paused: valuesOf(mapOf({ at: time, by: text })) })

export interface PausedTargetsDeps {
  /** Of the instance. */
  readonly name: string
  readonly state: StateStore
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

type PausingPipeline = Pick<Pipeline, 'setTargetPaused'>

/** Targets that an operator has paused, by their ids: remembered beside the checkpoint, with who did it. */
export class PausedTargets {
  private readonly deps: PausedTargetsDeps
  private readonly kept: KeptValue<Paused>

  constructor(deps: PausedTargetsDeps) {
    this.deps = deps
    this.kept = new KeptValue<Paused>({
      state: deps.state,
      key: `targets/${deps.name}`,
      empty: {},
      check: STORED,
      valueIn: (stored) => (stored as { readonly paused: Paused }).paused,
      what: 'paused targets',
      done: 'has paused or resumed targets',
      without: 'no target is paused',
    })
  }

  /** Rejects with the BingoError of the state store. */
  async load(): Promise<void> {
    await this.kept.load()
    const targets = Object.keys(this.kept.value)
    if (targets.length > 0) this.deps.log.warn({ code: 'BINGO_TARGET_PAUSED', targets }, 'targets are paused')
  }

  /** Another process has paused or resumed targets: `load` tells which. Rejects with the BingoError of the state store. */
  changedElsewhere(): Promise<boolean> {
    return this.kept.changedElsewhere()
  }

  get targets(): readonly string[] {
    return Object.keys(this.kept.value)
  }

  /** Since when the target is paused, milliseconds since 1970; 0: it is not. */
  since(target: string): number {
    return Object.hasOwn(this.kept.value, target) ? this.kept.value[target]!.at : 0
  }

  /** Pauses or resumes a target of a pipeline, durably. Rejects with the BingoError of the state store; then nothing has changed. */
  async decide(pipeline: PausingPipeline, target: string, isPaused: boolean, by: string): Promise<PauseResult> {
    const since = this.since(target)
    if (!isPaused && since === 0) return 'not paused'
    // What has no queue yet is none of the rules and sagas.
    if (isPaused && since === 0 && !pipeline.setTargetPaused(target, this.deps.clock.now())) return 'unknown'
    try {
      await this.set(target, isPaused, by)
    } finally {
      pipeline.setTargetPaused(target, this.since(target))
    }
    return 'done'
  }

  /** Durable when it resolves. Rejects with the BingoError of the state store; then nothing has changed. */
  set(target: string, isPaused: boolean, by: string): Promise<void> {
    return this.kept.inTurn(() => this.setNow(target, isPaused, by))
  }

  private async setNow(target: string, isPaused: boolean, by: string): Promise<void> {
    if (this.since(target) > 0 === isPaused) return
    const { [target]: _resumed, ...others } = this.kept.value
    const paused = isPaused ? { ...others, [target]: { at: this.deps.clock.now(), by } } : others
    await this.kept.save(paused, { paused })
    const fields = { code: isPaused ? 'BINGO_TARGET_PAUSED' : 'BINGO_TARGET_RESUMED', target, by }
    this.deps.log.warn(fields, isPaused ? 'target paused: its events wait until it is resumed' : 'target resumed')
  }
}
