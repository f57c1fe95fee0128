import type { WaitingSeq } from '../../../model/delivery/waiting.ts'
import type { Prepared } from './insertion.ts'
import type { Totals } from './totals.ts'

/** Records that come into the index of keys in one transaction. */
const KEYED_AT_ONCE = 5_000

/** What stands in blocks at these places becomes rows at the same places. */
export function separate({ blocks, statements }: Prepared, places: readonly WaitingSeq[], totals: Totals): void {
  const keyed = new Set(statements.keyed.all().map((row) => row['line']))
  for (const seq of places) {
    const taken = blocks.takeOut(seq, totals)
    if (taken === null) continue
    const { line, columns } = taken
    const { id, shape, rowKey, baseMs, bytes, event, rest } = columns
    statements.insert.run(seq, id, line, shape, rowKey, keyed.has(line) ? 1 : 0, baseMs, bytes, event, rest)
    totals.add(line, 1, bytes)
  }
}

/** Notes that a line is asked for its keys. What is added from now on comes into the index; answers whether all is in it. */
export function beginKeys({ database, statements }: Prepared, line: number): boolean {
  const [found] = statements.keyedLine.all(line)
  if (found === undefined) database.prepare('INSERT INTO waiting_keyed VALUES (?, 0)').run(line)
  return found?.['complete'] === 1
}

/** Puts the next records of a line into the index of keys. Answers the place of the last; Infinity: that was the end. */
export function keySome(prepared: Prepared, line: number, after: WaitingSeq, totals: Totals): WaitingSeq {
  const { database, blocks } = prepared
  const inBlocks = blocks.places(line, KEYED_AT_ONCE)
  if (inBlocks.length > 0) {
    separate(prepared, inBlocks, totals)
    return after
  }
  const some = database.prepare('SELECT seq FROM waiting WHERE line = ? AND seq > ? ORDER BY seq LIMIT ?')
  const last = some.all(line, after, KEYED_AT_ONCE).at(-1)?.['seq'] as WaitingSeq | undefined
  if (last === undefined) {
    database.prepare('UPDATE waiting_keyed SET complete = 1 WHERE line = ?').run(line)
    return Infinity
  }
  database
    .prepare('UPDATE waiting SET keyed = 1 WHERE line = ? AND seq > ? AND seq <= ? AND keyed = 0')
    .run(line, after, last)
  return last
}
