import { readFile } from 'node:fs/promises'
import { findBinlogFiles, flavourOfFile, readBinlogFiles } from '../../sources/mysql/binlog/file-reader.ts'
import { BinlogReader } from '../../sources/mysql/binlog/reader.ts'
import { compileRowImages } from '../../sources/mysql/binlog/event-bytes/row-images.ts'
import { compileRowDecoder } from '../../sources/mysql/binlog/rows/row-decoder.ts'
import type { SchemaResolver, WireTable } from '../../model/source/binlog-stream.ts'
import { BingoError } from '../../model/errors.ts'
import { schemaFromDump } from '../../sources/mysql/schema/schema-dump.ts'
import { EventPrinter } from './event-printer.ts'
import { LineOutput } from '../output/line-output.ts'
import { standardOutput } from '../output/pipe-output.ts'
import { stopSignals } from '../daemon/stop-signals.ts'
import { tablePatterns } from '../check/table-patterns.ts'
import type { TailOptions } from './tail-options.ts'

/** `bingo tail --file`: no server, no configuration. */
export async function tailFiles(options: TailOptions, patterns: readonly string[]): Promise<void> {
  const wants = tablePatterns(options.tables)
  const schemas = options.schema === undefined ? noSchema : schemaFromDump(await readDump(options.schema))
  const paths: string[] = []
  for (const pattern of patterns) paths.push(...(await findBinlogFiles(pattern)))
  using stop = stopSignals({ mayBeStuck: true })
  const done = new AbortController()
  const finish = (): void => done.abort()
  const output = new LineOutput(standardOutput(), finish)
  const limit = options.limit ?? Infinity
  const ddl = options.ddl === true
  const { format } = options
  const printer = new EventPrinter({
    format,
    ddl,
    limit,
    wants,
    shownAs: () => null,
    compileRowDecoder,
    compileRowImages,
    output,
    onLimit: finish,
  })
  const reader = new BinlogReader({
    flavour: await flavourOfFile(paths[0]!),
    handler: printer,
    schemas,
    startGtidSet: null,
    startFile: '',
    onWarning: (code, message) => process.stderr.write(`warning ${code} ${message}\n`),
  })
  const signal = AbortSignal.any([stop.signal, done.signal])
  try {
    for await (const { path, truncatedBytes } of readBinlogFiles(paths, reader, signal)) {
      if (truncatedBytes > 0)
        process.stderr.write(`warning ${path} ends with ${truncatedBytes} bytes of an incomplete event\n`)
      if (signal.aborted) break
    }
  } catch (error) {
    // Stopped, at its limit, or nobody reads any more: that is how it ends.
    if (!signal.aborted || error !== signal.reason) throw error
  }
  await output.flush()
}

/** Files whose events do not name their columns need somebody who knows them. */
const noSchema: SchemaResolver = {
  resolve: ({ schema, name }: WireTable) => {
    throw new BingoError('BINGO_SCHEMA_UNKNOWN', `the binlog file has no column names for ${schema}.${name}`, {
      hint: 'Pass its CREATE TABLE with --schema dump.sql (mysqldump --no-data), or log with binlog_row_metadata=FULL.',
    })
  },
  invalidate: () => undefined,
}

async function readDump(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new BingoError('BINGO_FILE_UNREADABLE', `cannot read the dump ${path}: ${(cause as Error).message}`, {
      cause,
    })
  }
}
