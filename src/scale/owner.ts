import { BingoError } from '../model/errors.ts'
import { parseRecord, type ScaleRecord } from './record.ts'

/** Throws BINGO_SCALE_LOG_SHARED where a reader of another instance has left its sign. */
export function requireOwn(record: ScaleRecord, instance: string, log: string): void {
  if (record.tag === 'change' || record.owner === undefined || record.owner === instance) return
  throw new BingoError(
    'BINGO_SCALE_LOG_SHARED',
    `the log of changes ${log} is also that of the instance "${record.owner}"`,
    {
      hint: `Give "${instance}" a log of its own in scale.through: another topic or stream, or another ?prefix= in Redis.`,
    },
  )
}

/** As `requireOwn`, before anything is appended behind these records. */
export function requireOwnSigns(bodies: Iterable<string>, instance: string, log: string): void {
  for (const body of bodies) {
    const record = signOf(body)
    if (record !== null) requireOwn(record, instance, log)
  }
}

/** Changes are long, and none of them is looked into. */
function signOf(body: string): ScaleRecord | null {
  if (!/^\["[hb]",/.test(body)) return null
  try {
    return parseRecord(body)
  } catch {
    return null
  }
}
