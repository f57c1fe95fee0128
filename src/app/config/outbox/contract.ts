import type { SourceLocation } from '../../../model/errors.ts'
import type { OutboxMapping } from '../../../outbox/mapping/contract.ts'
import type { TreeNode } from '../../../rules/yaml/tree.ts'

/** What happens to a row when everything that its event led to has ended. */
export type AfterRow = 'keep' | 'none'

/** One entry of `outbox:`, checked and complete. */
export interface OutboxConfig {
  /** A table, or a pattern of tables as rules have them. */
  readonly table: string
  readonly location: SourceLocation
  /** Place of the table's name. */
  readonly tableLocation: SourceLocation
  readonly mapping: OutboxMapping
  readonly after: AfterRow
  /** Actions that its events are sent by, as written; the rule loader reads them. Empty: rules with `on` take them. */
  readonly to: readonly TreeNode[]
  /** Settings of polling, as written; undefined: it is read from the binlog. */
  readonly poll: TreeNode | undefined
  /** All of the entry as data: equal entries have equal texts. */
  readonly written: string
}
