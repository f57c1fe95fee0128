import { outline, splitClauses } from './clauses.ts'
import type { SqlToken } from './tokens.ts'

const NOT_PRIMARY = '(?!`?PRIMARY\\b)'
const VALUE = "(?:= )?(?:''|`[^ ]*`|\\w+)"

/** Options of a table that say nothing of its columns; a new default character set is for columns to come. */
export const TABLE_OPTIONS =
  '(?:(?:DEFAULT )?(?:CHARACTER SET|CHARSET|COLLATE)|AUTOEXTEND_SIZE|AUTO_INCREMENT|AVG_ROW_LENGTH|CHECKSUM|COMMENT|COMPRESSION|' +
  'CONNECTION|DELAY_KEY_WRITE|ENCRYPTED|ENCRYPTION|ENCRYPTION_KEY_ID|ENGINE|(?:DATA|INDEX) DIRECTORY|INSERT_METHOD|' +
  'KEY_BLOCK_SIZE|MAX_ROWS|MIN_ROWS|PACK_KEYS|PAGE_CHECKSUM|PAGE_COMPRESSED|PAGE_COMPRESSION_LEVEL|ROW_FORMAT|' +
  `STATS_AUTO_RECALC|STATS_PERSISTENT|STATS_SAMPLE_PAGES|TABLESPACE|TRANSACTIONAL) ${VALUE}`

/** Clauses of ALTER TABLE after which names, types and order of the columns, and the primary key, are what they were. */
const HARMLESS = [
  `${TABLE_OPTIONS}(?: ${TABLE_OPTIONS})*`,
  'ADD (?:CONSTRAINT (?!PRIMARY )(?:[^ ]+ )?)?(?:UNIQUE|INDEX|KEY|FULLTEXT|SPATIAL|FOREIGN KEY|CHECK)\\b.*',
  `DROP (?:INDEX|KEY|FOREIGN KEY|CHECK|CONSTRAINT) (?:IF EXISTS )?${NOT_PRIMARY}[^ ]+`,
  'RENAME (?:INDEX|KEY) [^ ]+ TO [^ ]+',
  'ALTER (?:INDEX|KEY) [^ ]+ (?:VISIBLE|INVISIBLE|IGNORED|NOT IGNORED)',
  'ALTER (?:CHECK|CONSTRAINT) [^ ]+ (?:NOT )?ENFORCED',
  'ALTER (?:COLUMN )?[^ ]+ (?:SET DEFAULT .*|DROP DEFAULT)',
  '(?:ALGORITHM|LOCK) (?:= )?\\w+',
  'FORCE|(?:DISABLE|ENABLE) KEYS|(?:DISCARD|IMPORT) TABLESPACE|WITH(?:OUT)? VALIDATION',
  'ORDER BY [^ ]+(?: ASC| DESC)?',
  'ADD PARTITION (?:\\(|PARTITIONS ).*',
  'REMOVE PARTITIONING|PARTITION BY .*',
].map((pattern) => new RegExp(`^(?:${pattern})$`))

/** Stands alone, with the names of partitions behind it. */
const OF_PARTITIONS =
  /^(?:DROP|TRUNCATE|COALESCE|REORGANIZE|ANALYZE|CHECK|OPTIMIZE|REBUILD|REPAIR|DISCARD|IMPORT|EXCHANGE) PARTITION [^ ]/

/** Whether an ALTER TABLE with these tokens behind the name leaves the columns alone. False where it is not understood. */
export function keepsColumns(tokens: readonly SqlToken[]): boolean {
  const [first, ...further] = splitClauses(tokens).map(outline)
  if (OF_PARTITIONS.test(first!)) return further.every((clause) => /^[^ ]+(?: INTO \(\)| TABLESPACE)?$/.test(clause))
  return [first!, ...further].every((clause) => HARMLESS.some((pattern) => pattern.test(clause)))
}
