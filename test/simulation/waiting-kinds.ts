import type { Change } from '../../src/model/event/change.ts'
import { rowKeyText } from '../../src/model/event/row-key.ts'
import type { Lookup } from '../../src/model/rule/lookup.ts'
import type { Threshold } from '../../src/model/rule/threshold.ts'
import type { Kind } from './sim-rules.ts'

const LOCATION = { file: 'rules.yaml', line: 1, column: 1 }
const READS = { new: 'all', old: 'all' } as const
const DELAY_MS = 2_000

export const isRow = ({ table }: Change): boolean => table.columns.length > 0
/** The row's version, as the change has it. */
export const versionOf = ({ new: new_, old }: Change): number => Number((new_ ?? old)?.['v'])
const idOf = ({ new: new_, old }: Change): number => Number((new_ ?? old)?.['id'])

/** What is looked up for a row with this id. */
export const lookedUpOf = (change: Change): number => idOf(change) * 10

const WAITING = { coalesce: 'none', onFailure: 'skip', waits: false, breaks: () => false } as const

/**
 * Rules of which what they do depends on what comes later, or on more than the change. All transactions are committed within
 * less time than their delay, so that each event meets everything that comes after it.
 */
export const WAITING_KINDS: readonly Kind[] = [
  {
    ...WAITING,
    id: 'cancelled',
    targets: ['c'],
    delayMs: DELAY_MS,
    matches: (change) => isRow(change) && versionOf(change) % 2 === 0,
    fires: () => true,
    cancels: (change) => versionOf(change) % 3 === 0,
  },
  {
    ...WAITING,
    id: 'rechecked',
    targets: ['b', 'b'],
    delayMs: DELAY_MS,
    rechecks: true,
    matches: (change) => isRow(change) && versionOf(change) % 5 !== 0,
    fires: (change, action) => action === 0 || versionOf(change) % 2 === 0,
  },
  {
    ...WAITING,
    id: 'looked-up',
    targets: ['a'],
    looksUp: true,
    matches: isRow,
    fires: (change) => Number(change.facts?.lookup?.['row']?.row['n']) % 30 !== 0,
  },
  { ...WAITING, id: 'counted', targets: ['c'], counts: true, matches: isRow, fires: () => true },
]

export const LOOKUP: Lookup = {
  ruleId: 'looked-up',
  name: 'row',
  location: LOCATION,
  statement: 'SELECT n',
  server: { id: 'db', type: 'sql', options: {} },
  cacheMs: 0,
  timeoutMs: 1_000,
  missing: 'null',
  reads: () => READS,
  bind: () => (change) => [idOf(change)],
}

/** Acts on every third event of a row, and again after some transactions. */
export const THRESHOLD: Threshold = {
  location: LOCATION,
  version: '1',
  above: '2',
  sums: false,
  withinMs: 3_600_000,
  againMs: 15,
  groupedBy: null,
  mostGroups: 1_000,
  reads: () => READS,
  bind: () => (change) => ({ by: rowKeyText(change.table, change.old, change.new), amount: null }),
}
