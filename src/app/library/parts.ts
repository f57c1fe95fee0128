import type { ActionType, Log } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import type { Environment } from '../../model/secrets.ts'
import type { CompileOptions } from '../../rules/files/load.ts'
import type { Config } from '../config/config.ts'
import type { OpenEventsDeps, RunningEvents } from '../events/open-events.ts'
import type { NamedSource } from '../open-sources.ts'

/** The options of a pipeline, checked and complete. */
export interface LibraryParts {
  readonly config: Config
  readonly sources: readonly NamedSource[]
  readonly types: ReadonlyMap<string, ActionType>
  readonly compile: CompileOptions
  readonly log: Log
  readonly clock: Clock
  /** Of secrets. */
  readonly env: Environment
  /** Whose posted events these are, and who is told of them; absent: the rules', and nobody. */
  readonly eventHooks?: Readonly<EventHooks> | undefined
}

export interface EventHooks extends Partial<
  Pick<OpenEventsDeps, 'group' | 'skipped' | 'read' | 'ended' | 'seen' | 'bounds'>
> {
  /** Called when events are taken from now on. */
  started?(events: RunningEvents): void
  /** Called when everything that was read has ended, or was given up, and the store is still open. */
  closing?(events: RunningEvents): Promise<void>
}
