import type { EventSchemas } from '../event/posted/event-schemas.ts'
import type { Problem } from '../errors.ts'
import type { SagaDefinition, SagaSource } from '../saga/definition.ts'
import type { TableDef } from '../table/table.ts'
import type { Rule } from './rule.ts'

/** Rules, and what else their files have, that are in force together. */
export interface RuleSet {
  readonly rules: readonly Rule[]
  readonly files: readonly string[]
  /** `schemas:` of the files; absent: there are none. */
  readonly schemas?: EventSchemas | undefined
  /** `sagas:` of the files; absent: there are none. Their rules are not among `rules`: an instance adds them. */
  readonly sagas?: readonly SagaDefinition[] | undefined
  /** A saga as it was when instances began with it. Throws ProblemsError. Absent where no text is at hand. */
  formerSaga?(source: SagaSource): SagaDefinition
  /** What is wrong with the rules for this table, with its places. Absent where their text is not at hand. */
  problemsWith?(table: TableDef): readonly Problem[]
}
