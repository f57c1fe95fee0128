import type { SqlSession } from '../../../model/source/binlog-stream.ts'

/** Every session that this one could be when its sql_mode is not known. */
export function everySession(session: SqlSession): SqlSession[] {
  return [true, false].flatMap((backslashEscapes) =>
    [false, true].map((ansiQuotes) => ({ ...session, backslashEscapes, ansiQuotes })),
  )
}
