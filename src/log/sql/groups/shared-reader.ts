import { orAborted } from '../../../model/aborted.ts'
import type { LogEntry, ReadOptions } from '../../../model/state/event-log.ts'
import { wantedOf } from '../../follow.ts'
import type { Entries } from '../../follow.ts'
import { placeNumber } from '../../places.ts'
import { partitionOf } from './partitions.ts'
import type { Share, Tenure } from './partitions.ts'

/** Where a reader of a group finds its entries. */
export interface SharedEntries extends Pick<Entries, 'closed' | 'page' | 'more'> {
  /** What this instance has of the group, with leases that hold. Rejects when it may not go on. */
  share(): Promise<Share>
  isCurrent(share: Share): boolean
  /** What a reader leaves out is done. */
  skip(places: readonly number[]): Promise<void>
}

/**
 * Yields the entries of the partitions that this instance has, in their order within each. A partition that it takes over
 * begins with what was not acknowledged, so places may go back.
 */
export async function* followShare(entries: SharedEntries, options: ReadOptions): AsyncIterable<LogEntry> {
  const { signal } = options
  const until = options.until === undefined ? Infinity : placeNumber(options.until)
  const wanted = wantedOf(options)
  while (!signal.aborted && !entries.closed()) {
    const more = entries.more()
    const share = await entries.share()
    // Before the page is read: what is taken over meanwhile begins further back.
    const tenures = share.readable
    const after = Math.min(Infinity, ...tenures.map(({ readUpTo }) => readUpTo))
    const page = after < until ? await entries.page(after) : []
    // A process that was paused meanwhile has to look at its leases first.
    const mayGoOn = (): boolean => !signal.aborted && entries.isCurrent(share)
    const skipped: number[] = []
    for (const [entry, place] of unread(share, tenures, page, until, mayGoOn)) {
      if (wanted(entry)) yield entry
      else skipped.push(place)
    }
    if (skipped.length > 0) await entries.skip(skipped)
    if (page.length > 0 && Number(page[0]!.place) <= until) continue
    if (until !== Infinity) return
    await orAborted(more, signal)
  }
}

/** The entries of a page that this instance is to read; notes how far it has come. */
function* unread(
  share: Share,
  tenures: readonly Tenure[],
  page: readonly LogEntry[],
  until: number,
  mayGoOn: () => boolean,
): Generator<readonly [entry: LogEntry, place: number]> {
  const byPartition = new Map(tenures.map((tenure) => [tenure.partition, tenure]))
  let end = 0
  for (const entry of page) {
    const place = Number(entry.place)
    if (place > until) break
    if (!mayGoOn()) return
    end = place
    const tenure = byPartition.get(partitionOf(entry, share.partitions))
    if (tenure === undefined || place <= tenure.readUpTo) continue
    if (!tenure.isReadable) {
      // If it stays after all, it is read from here.
      byPartition.delete(tenure.partition)
      continue
    }
    tenure.readUpTo = place
    if (share.isAcknowledged(place)) continue
    share.gives(tenure, place)
    yield [entry, place]
  }
  for (const tenure of byPartition.values()) tenure.readUpTo = Math.max(tenure.readUpTo, end)
}
