import type { DeadLetter } from '../../model/delivery/dead-letter.ts'

const LONGEST_MESSAGE = 100

/** A message for one cell of a table. */
export function shortened(message: string): string {
  const line = message.replaceAll(/\s+/g, ' ')
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE - 1)}…` : line
}

/** An entry as people read it: times as ISO 8601, the key of the row without separators that cannot be printed. */
export function readable(letter: DeadLetter): object {
  return {
    ...letter,
    rowKey: shownRow(letter.rowKey),
    attempts: letter.attempts.map((attempt) => ({ ...attempt, at: iso(attempt.at) })),
    createdAt: iso(letter.createdAt),
  }
}

/** `shop.users 7`; or `key 7` where the rule has a key of its own. */
function shownRow(rowKey: string): string {
  const [schema, table, ...values] = rowKey.split('\0')
  if (table === undefined) return rowKey
  return [table === '' ? schema : `${schema}.${table}`, ...values].join(' ')
}

interface Group {
  count: number
  readonly rule: string
  readonly code: string
  readonly target: string
  readonly first: string
  last: string
  /** Id of the oldest one. */
  readonly example: string
}

/** Counts entries by rule, code and target, the oldest group first. */
export class DeadLetterSummary {
  private readonly byName = new Map<string, Group>()

  add({ id, ruleId, target, attempts, createdAt }: DeadLetter): void {
    const code = attempts.at(-1)?.code ?? 'BINGO_PARKED'
    const name = JSON.stringify([ruleId, code, target])
    const at = iso(createdAt)
    const group = this.byName.get(name)
    if (group === undefined) {
      this.byName.set(name, { count: 1, rule: ruleId, code, target, first: at, last: at, example: id })
      return
    }
    group.count += 1
    group.last = at
  }

  get groups(): readonly Group[] {
    return [...this.byName.values()]
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
