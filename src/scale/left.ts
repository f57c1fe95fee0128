import type { ChangeLog } from '../model/state/change-log.ts'
import { compareOrdinals, placeIn, type SharePosition } from './contract.ts'
import { Pieces } from './pieces.ts'
import { parseRecord, type ScaleRecord } from './record.ts'

/**
 * Whether a share of this layout holds a change behind this position that a worker would act on. What came twice is of no account, as for a
 * worker (share-source.ts), and what a reader says of its run.
 */
export async function holdsChanges(
  changes: ChangeLog,
  { share, layout }: { readonly share: number; readonly layout: number },
  from: SharePosition | null,
): Promise<boolean> {
  const pieces = new Pieces()
  let place = placeIn(layout, from)
  let ordinal = from?.ordinal ?? null
  for (;;) {
    const entries = await changes.read(share, place)
    for (const { body } of entries) {
      const record = recordOf(pieces.add(body))
      if (record === null || (ordinal !== null && compareOrdinals(record.ordinal, ordinal) <= 0)) continue
      if (record.tag === 'change') return true
      ordinal = record.ordinal
    }
    const last = entries.at(-1)
    if (last === undefined) return false
    place = last.place
  }
}

/** Null: more of it is to come, or nobody can read it: workers leave it out with a line of the log. */
function recordOf(text: string | null): ScaleRecord | null {
  try {
    return text === null ? null : parseRecord(text)
  } catch {
    return null
  }
}
