import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { StoredRecord, WaitingStore } from '../model/delivery/waiting.ts'
import type { Addition } from './additions.ts'
import type { WaitingLine } from './line.ts'
import { RevisedRecords } from './newest.ts'

/** Records looked through at once by a revision of all keys. */
const PAGE = 500

export interface StoredRevisionsDeps {
  readonly store: WaitingStore
  /** Repeats until the store has answered. */
  readonly patiently: <T>(work: () => Promise<T>) => Promise<T>
}

/** Makes revisions of what is stored: it is older than they are. Nothing that comes after them is written before. */
export async function reviseStored(revisions: readonly Addition[], deps: StoredRevisionsDeps): Promise<void> {
  for (const [line, ofLine] of Map.groupBy(revisions, (revision) => revision.line)) {
    let some: InFlightJob[] = []
    for (const { job } of ofLine) {
      if (job.change.table.columns.length > 0) {
        some.push(job)
        continue
      }
      await reviseKeys(line, some, deps)
      some = []
      await reviseAll(line, job, deps)
    }
    await reviseKeys(line, some, deps)
  }
}

async function reviseKeys(line: WaitingLine, jobs: readonly InFlightJob[], deps: StoredRevisionsDeps): Promise<void> {
  const { store, patiently } = deps
  const records = new RevisedRecords<StoredRecord>()
  const known = new Set<string>()
  for (const job of jobs) {
    if (!known.has(job.key)) {
      known.add(job.key)
      // What came to this key by an earlier revision stands at another one in the store.
      for (const record of await patiently(() => store.ofKey(line.name, job.key))) records.add(record)
    }
    records.revise(job)
  }
  await write(line, records, deps)
  for (const job of jobs) line.revised(job)
}

/** A statement: the records of all keys, of which there may be very many. */
async function reviseAll(line: WaitingLine, job: InFlightJob, deps: StoredRevisionsDeps): Promise<void> {
  const { store, patiently } = deps
  for (let after = 0; ;) {
    const page = await patiently(() => store.page(line.name, after, PAGE))
    if (page.length === 0) break
    after = page.at(-1)!.seq
    const records = new RevisedRecords<StoredRecord>()
    for (const record of page) records.add(record)
    records.revise(job)
    await write(line, records, deps)
  }
  line.revised(job)
}

async function write(
  line: WaitingLine,
  records: RevisedRecords<StoredRecord>,
  deps: StoredRevisionsDeps,
): Promise<void> {
  const { store, patiently } = deps
  const { changed } = records
  const gone = records.gone.map(({ seq }) => seq)
  if (changed.length > 0) await patiently(() => store.replace(changed))
  if (gone.length > 0) await patiently(() => store.remove(gone))
  line.became(gone, changed)
}
