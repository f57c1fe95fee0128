import type { SagaDefinition } from '../../model/saga/definition.ts'
import type { SagaOp, SagaStatus } from '../../model/saga/instance.ts'
import type { SourceLocation } from '../../model/errors.ts'
import type { SampleEvent } from '../../rules/samples/sample-change.ts'

/** A command, as tests call it: `reserve`, or `undo reserve`. */
export interface CommandName {
  readonly step: string
  readonly op: SagaOp
}

/** What the target of a command answers. */
export type TestedAnswer =
  | { readonly tag: 'done'; readonly value: unknown }
  /** It will never be taken; it may have been taken; the target is down. */
  | { readonly tag: 'refused' | 'failed' | 'down' }

export type StoryInput =
  | { readonly tag: 'event'; readonly event: SampleEvent }
  | {
      readonly tag: 'answers'
      readonly answers: readonly { readonly of: CommandName; readonly answer: TestedAnswer }[]
    }
  | { readonly tag: 'after'; readonly ms: number }
  | {
      readonly tag: 'operator'
      readonly command: 'retry' | 'skip' | 'complete' | 'compensate'
      readonly step: string | null
    }

/** A command that is expected. `fields`: what of it is looked at; undefined: nothing. */
export interface ExpectedCommand extends CommandName {
  readonly fields: unknown
}

/** Something that happens, and what is expected to come of it. Undefined: not asked. */
export interface Chapter {
  readonly location: SourceLocation
  readonly input: StoryInput
  /** Which instance answers and operators are for; undefined: the one that was started last. */
  readonly key: string | undefined
  readonly commands: readonly ExpectedCommand[] | undefined
  readonly status: SagaStatus | undefined
}

export interface SagaTest {
  readonly name: string
  readonly location: SourceLocation
  readonly saga: SagaDefinition
  readonly chapters: readonly Chapter[]
}

export function nameOfCommand({ step, op }: CommandName): string {
  return op === 'undo' ? `undo ${step}` : step
}
