import type { SourceLocation } from '../../../model/errors.ts'
import type { AfterRow } from '../../../model/rule/outbox-rule.ts'
import type { OutboxMapping } from '../../../outbox/mapping/contract.ts'
import type { TreeNode } from '../../../rules/yaml/tree.ts'

/** How the table of an outbox is polled. */
export interface PollingConfig {
  /** Of its database, as written: with references to secrets. */
  readonly url: string
  readonly schema: string
  readonly name: string
  readonly everyMs: number
  /** Rows that are claimed at once. */
  readonly batch: number
  /** Attempts of the actions of `to` after the first one. */
  readonly maxRetries: number
  /** Claims that are worked on side by side. */
  readonly workers: number
  /** The column that tells which of two rows is older; null: found out. */
  readonly order: string | null
  readonly after: 'mark' | 'delete'
}

/** One entry of `outbox:`, checked and complete. */
export interface OutboxConfig {
  /** A table, or a pattern of tables as rules have them. */
  readonly table: string
  readonly location: SourceLocation
  /** Place of the table's name. */
  readonly tableLocation: SourceLocation
  readonly mapping: OutboxMapping
  readonly after: AfterRow
  /** Deletes rows that ended so long ago; null: never. */
  readonly cleanup: { readonly afterMs: number; readonly everyMs: number } | null
  /** Actions that its events are sent by, as written; the rule loader reads them. Empty: rules with `on` take them. */
  readonly to: readonly TreeNode[]
  /** Undefined: it is read from the binlog. */
  readonly polling: PollingConfig | undefined
  /** All of the entry as data: equal entries have equal texts. */
  readonly written: string
}
