import { readFileSync } from 'node:fs'

const DOCS = readFileSync(new URL('../../docs/sagas.md', import.meta.url), 'utf8')
const [mysqlTable, postgresTable, mysqlNote, postgresNote, look] = [...DOCS.matchAll(/```sql\n(.*?)\n```/gs)].map(
  ([, text]) => text!,
)

/** The statements for participants in other languages, as docs/sagas.md has them. */
export const PLAIN_BARRIER = {
  mysql: { table: mysqlTable!, note: mysqlNote!, look: `${look!} LOCK IN SHARE MODE` },
  postgres: {
    table: postgresTable!,
    note: postgresNote!,
    look: look!.replace('saga = ?', 'saga = $1').replace('step = ?', 'step = $2'),
  },
}

export interface PlainRun {
  (sql: string, values: readonly string[]): Promise<{ readonly changes: number; readonly notedBy: string | undefined }>
}

/** What docs/sagas.md says that a participant does with them; answers whether the work is to be done. */
export async function plainBarrier(
  run: PlainRun,
  { note, look }: { readonly note: string; readonly look: string },
  step: string,
  op: 'do' | 'undo',
): Promise<boolean> {
  const isDoNoted = (await run(note, ['s/1', step, 'do', op])).changes > 0
  if (op === 'do') return isDoNoted
  const isUndoNoted = (await run(note, ['s/1', step, 'undo', 'undo'])).changes > 0
  return (await run(look, ['s/1', step])).notedBy === 'do' && isUndoNoted
}
