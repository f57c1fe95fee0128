import type { DeadLetter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { BingoError } from '../../model/errors.ts'
import { printDuration } from '../../model/quantity.ts'
import { commandLog, configFor } from '../context.ts'
import { filterOf, type SelectOptions } from './selection.ts'
import { LineOutput } from '../output/line-output.ts'
import { printTable } from '../events/print-table.ts'
import { openLetters } from './open-letters.ts'
import { ProgressBar } from '../output/progress-bar.ts'
import { DeadLetterSummary, readable, shortened } from './describe-letter.ts'
import { table } from '../output/table.ts'

const DROP_PAGE = 500
/** Entries printed at once: there may be more of them than fit into memory. */
const LIST_PAGE = 500
const HEAD = ['ID', 'STATE', 'TABLE', 'TARGET', 'ATTEMPTS', 'AGE', 'CODE', 'MESSAGE']

/** `bingo dead-letters list`: at the pace of the reader, until it goes away (`| head`). */
export async function listLetters(ids: readonly string[], options: SelectOptions): Promise<void> {
  if (options.summary) return summarise(ids, options)
  await withStore(options, async (store) => {
    let read = true
    const output = new LineOutput(process.stdout, () => (read = false))
    const print = options.json
      ? (page: readonly DeadLetter[]) => page.map((each) => JSON.stringify(each))
      : tablePrinter()
    let page: DeadLetter[] = []
    for await (const letter of store.list(filterOf(ids, options))) {
      if (!read) return
      page.push(letter)
      if (page.length < LIST_PAGE) continue
      await output.write(print(page))
      page = []
    }
    const rest = print(page)
    if (rest.length > 0) await output.write(rest)
    await output.flush()
  })
}

/** The head comes with the first page; columns get wider with later ones. */
function tablePrinter(): (page: readonly DeadLetter[]) => string[] {
  const widths: number[] = []
  return (page) => {
    if (page.length === 0) return widths.length === 0 ? ['no dead letters'] : []
    const rows = page.map((letter) => row(letter))
    return table(widths.length === 0 ? [HEAD, ...rows] : rows, widths)
  }
}

/** `bingo dead-letters show`. Rejects with BINGO_DEAD_LETTER_UNKNOWN. */
export function showLetter(id: string, options: SelectOptions): Promise<void> {
  return withStore(options, async (store) => {
    for await (const letter of store.list({ ids: [id] })) {
      process.stdout.write(`${JSON.stringify(readable(letter), null, 2)}\n`)
      return
    }
    throw new BingoError('BINGO_DEAD_LETTER_UNKNOWN', `dead letter "${id}" does not exist`, {
      hint: 'Copy an id from `bingo dead-letters list`. One that was redelivered or dropped is gone.',
    })
  })
}

/** `bingo dead-letters drop`. */
export async function dropLetters(ids: readonly string[], options: SelectOptions): Promise<void> {
  await withStore(options, async (store) => {
    const filter = filterOf(ids, options)
    const chosen: string[] = []
    // By ids alone nothing of an entry has to be read: it may be corrupt.
    if (!options.dryRun && Object.keys(filter).join() === 'ids') chosen.push(...new Set(ids))
    else for await (const letter of store.list(filter)) chosen.push(letter.id)
    if (options.dryRun) {
      process.stdout.write(`${chosen.map((id) => `would drop ${id}\n`).join('')}${chosen.length} would be dropped\n`)
      return
    }
    let dropped = 0
    {
      using bar = new ProgressBar(process.stderr, 'dropping', chosen.length)
      for (let first = 0; first < chosen.length; first += DROP_PAGE) {
        const page = chosen.slice(first, first + DROP_PAGE)
        dropped += await store.remove(page)
        bar.advance(page.length)
      }
    }
    process.stdout.write(`${dropped} dropped\n`)
  })
}

/** `bingo dead-letters list --summary`. */
async function summarise(ids: readonly string[], options: SelectOptions): Promise<void> {
  const summary = new DeadLetterSummary()
  await withStore(options, async (store) => {
    for await (const letter of store.list(filterOf(ids, options))) summary.add(letter)
  })
  const lines = options.json ? summary.groups.map((group) => JSON.stringify(group)) : summaryTable(summary)
  process.stdout.write(`${lines.join('\n')}\n`)
}

function summaryTable({ groups }: DeadLetterSummary): string[] {
  if (groups.length === 0) return ['no dead letters']
  const head = ['COUNT', 'RULE', 'CODE', 'TARGET', 'FIRST', 'LAST', 'EXAMPLE']
  const rows = groups.map((each) => [
    each.count,
    each.rule,
    each.code,
    each.target,
    each.first,
    each.last,
    each.example,
  ])
  return table([head, ...rows.map((row) => row.map(String))])
}

async function withStore<T>(options: SelectOptions, use: (store: DeadLetterStore) => Promise<T>): Promise<T> {
  const config = configFor(options, 'dead-letters')
  const store = await openLetters(config, await commandLog(config, options))
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

/** The table, or the type of a posted event. */
function placeOf({ event }: DeadLetter): string {
  const type = event.op === 'event' ? event.new?.['type'] : undefined
  return typeof type === 'string' ? type : printTable(event.schema, event.table)
}

function row(letter: DeadLetter): readonly string[] {
  const { attempts } = letter
  const age = printDuration(Math.max(0, Date.now() - letter.createdAt))
  const last = attempts.at(-1)
  return [
    letter.id,
    letter.state,
    placeOf(letter),
    letter.target,
    String(attempts.length),
    age,
    last?.code ?? 'BINGO_PARKED',
    shortened(last?.message ?? 'waits behind an earlier failure of its key'),
  ]
}
