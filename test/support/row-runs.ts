import { Utf8Bytes } from '../../src/model/event/bytes/content.ts'
import type { Hold } from '../../src/model/delivery/in-flight-job.ts'
import { RowRun, RunRows } from '../../src/model/delivery/row-run.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { action, change, CountingHold, target, transaction } from './jobs.ts'

/** Bytes that each row holds of the budget. */
export const ROW_BYTES = 100
export const LINES = { ...target, takesLines: true } as const

export interface RunOptions {
  /** Keys of the rows, below 256; each is the line of its row. */
  readonly ids: readonly number[]
  readonly firstSeq?: number
  readonly action?: ActionPlan
  readonly hold?: Hold
  readonly letGo?: () => void
}

/** UPDATEs of these rows on their way, as one. */
export function runOf({ ids, firstSeq = 0, hold, letGo, ...options }: RunOptions): RowRun {
  const rows = new RunRows()
  let text = ''
  for (const [i, id] of ids.entries()) {
    text += i === 0 ? `${id}` : `\n${id}`
    rows.seqs.push(firstSeq + i)
    rows.imageStarts.push(i)
    rows.imageEnds.push(i + 1)
    rows.lineEnds.push(text.length)
    rows.bytes.push(ROW_BYTES)
  }
  return new RowRun(
    {
      action: options.action ?? action({ target: LINES }),
      transaction: transaction(),
      query: null,
      rows,
      images: Buffer.from(ids),
      lines: new Utf8Bytes(Buffer.from(text), 0, text.length),
      changeOf: (image, start, _end, _transaction, seq) => {
        const id = image[start]!
        return change('update', { id, status: 0 }, { id, status: 1 }, seq)
      },
      letGo: letGo ?? (() => undefined),
    },
    ids.length * ROW_BYTES,
    hold ?? new CountingHold(),
  )
}
