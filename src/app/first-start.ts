import type { ActionType, Log } from '../model/rule/action.ts'
import type { CheckpointStore } from '../model/state/checkpoint.ts'
import type { Clock } from '../model/clock.ts'
import type { DeadLetterStore } from '../model/delivery/dead-letter.ts'
import { BingoError } from '../model/errors.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import type { SourceState } from '../model/source/source-state.ts'

export interface FirstStart {
  /** Of the instance. */
  readonly name: string
  /** `source.start` was said: a start without a checkpoint is meant. */
  readonly startGiven: boolean
  /** `checkpoint.store`. */
  readonly store: string
  /** A position of another source of the instance is stored: this source is new, and nothing was lost. */
  readonly isAdded?: boolean | undefined
}

export interface FirstStartDeps {
  readonly log: Log
  readonly state: SourceState
  readonly clock: Clock
  readonly actionTypes: ReadonlyMap<string, ActionType>
}

/**
 * Called where no checkpoint is stored. The default, to begin at the newest change, skips whatever came before: right for
 * a first start, a silent loss where a checkpoint was lost or is looked for in the wrong place. Throws
 * BINGO_CHECKPOINT_LOST where something tells that this instance ran before, unless `source.start` was said.
 */
export async function beginWithoutCheckpoint(
  { name, startGiven, store, isAdded = false }: FirstStart,
  ruleSet: RuleSet,
  checkpoints: Pick<CheckpointStore, 'description'>,
  deadLetters: Pick<DeadLetterStore, 'count' | 'description'>,
  deps: FirstStartDeps,
): Promise<void> {
  // Kept in memory, as somebody wanted it: there is nothing to lose.
  if (startGiven || store.startsWith('memory:')) return
  const traces = isAdded ? [] : [...(await inDeadLetters(deadLetters)), ...(await inTargets(name, ruleSet, deps))]
  if (traces.length > 0) throw lost(name, checkpoints.description, traces)
  deps.state.startedWithoutCheckpointAt = deps.clock.now()
  deps.log.warn(
    { code: 'BINGO_FIRST_START', store: checkpoints.description },
    `no checkpoint of "${name}" is stored: reading begins with the newest change; what was committed before is not seen`,
  )
}

async function inDeadLetters(store: Pick<DeadLetterStore, 'count' | 'description'>): Promise<string[]> {
  const count = await ifReachable(() => store.count(), 0)
  return count === 0 ? [] : [`${count} dead letter${count === 1 ? '' : 's'} in ${store.description}`]
}

async function inTargets(
  name: string,
  { rules }: RuleSet,
  { log, clock, actionTypes }: FirstStartDeps,
): Promise<string[]> {
  const asked = new Map<string, Promise<string | null>>()
  for (const action of rules.flatMap((rule) => rule.actions)) {
    const type = actionTypes.get(action.type)
    if (type?.remembers === undefined || asked.has(action.target.id)) continue
    const ask = type.remembers.bind(type)
    const context = { log, now: () => clock.now() }
    asked.set(
      action.target.id,
      ifReachable(() => ask(action.target, name, context), null),
    )
  }
  return (await Promise.all(asked.values())).filter((trace) => trace !== null)
}

/** What cannot be asked now tells nothing; it must not keep a first start from happening. */
async function ifReachable<T>(ask: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof BingoError) return otherwise
    throw error
  }
}

function lost(name: string, store: string, traces: readonly string[]): BingoError {
  return new BingoError(
    'BINGO_CHECKPOINT_LOST',
    `Checkpoint lost: ${store} has none for "${name}", but this is not the first start: ${traces.join('; ')}`,
    {
      hint: 'Check `checkpoint.store` and `name`, or restore the checkpoint. To start without it, run `bingo position set earliest` or `bingo position set latest`, or set source.start.',
    },
  )
}
