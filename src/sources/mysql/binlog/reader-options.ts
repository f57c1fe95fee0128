import type { SchemaResolver, TransactionHandler } from '../../../model/source/binlog-stream.ts'
import type { Stats } from '../../../model/stats.ts'
import type { Flavour } from '../../../model/table/table.ts'
import type { TransactionBufferLimits } from './transaction/xa-transactions.ts'

export const DEFAULT_LIMITS: TransactionBufferLimits = { xaMemoryBytes: 8 * 1024 * 1024, spoolFolder: null }

export interface BinlogReaderOptions {
  readonly flavour: Flavour
  readonly handler: TransactionHandler
  readonly schemas: SchemaResolver
  /** Executed set at the start; null when not known: then it is taken from the head of a file, where it stands. */
  readonly startGtidSet: string | null
  /** '' when only the set is known: the first ROTATE names the file. */
  readonly startFile: string
  readonly startOffset?: number
  /** Its counters of events, bytes and checksum errors are kept up here. */
  readonly stats?: Stats | undefined
  readonly verifyChecksum?: boolean
  readonly transactionBufferLimits?: Partial<TransactionBufferLimits>
  /** Whether the server keeps names of tables in lower case (lower_case_table_names); without it: it does not. */
  readonly foldsNames?: () => boolean
  /** Tables whose changes may be logged as statements, which go unseen; without it: those that no rule wants. */
  readonly ignoresStatementsOn?: (schema: string, table: string) => boolean
  /** Begins the id of each transaction, where several servers could have the same one; without it: nothing does. */
  readonly idPrefix?: string | undefined
  /** Something an operator should know that does not stop the reader. */
  readonly onWarning?: (code: string, message: string) => void
}
