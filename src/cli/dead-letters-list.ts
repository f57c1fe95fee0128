import type { DeadLetter, DeadLetterStore } from '../core/dead-letter.ts'
import { printDuration } from '../core/quantity.ts'
import { commandLog, configFor } from './context.ts'
import { filterOf, type SelectOptions } from './dead-letters.ts'
import { openLetters } from './open-letters.ts'
import { ProgressBar } from './progress-bar.ts'
import { table } from './table.ts'

const DROP_PAGE = 500

/** `bingo dead-letters list`. */
export async function listLetters(ids: readonly string[], options: SelectOptions): Promise<void> {
  await withStore(options, async (store) => {
    const rows: (readonly string[])[] = []
    for await (const letter of store.list(filterOf(ids, options))) {
      if (options.json) process.stdout.write(`${JSON.stringify(letter)}\n`)
      else rows.push(row(letter))
    }
    if (options.json) return
    const head = ['ID', 'STATE', 'TABLE', 'TARGET', 'TRIES', 'AGE', 'REASON']
    const text = rows.length === 0 ? ['no dead letters'] : table([head, ...rows])
    process.stdout.write(`${text.join('\n')}\n`)
  })
}

/** `bingo dead-letters show`: answers whether it is there. */
export function showLetter(id: string, options: SelectOptions): Promise<boolean> {
  return withStore(options, async (store) => {
    for await (const letter of store.list({ ids: [id] })) {
      process.stdout.write(`${JSON.stringify(letter, null, 2)}\n`)
      return true
    }
    process.stderr.write(`there is no dead letter ${id}\n`)
    return false
  })
}

/** `bingo dead-letters drop`. */
export async function dropLetters(ids: readonly string[], options: SelectOptions): Promise<void> {
  await withStore(options, async (store) => {
    const chosen: string[] = []
    for await (const letter of store.list(filterOf(ids, options))) chosen.push(letter.id)
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

async function withStore<T>(options: SelectOptions, use: (store: DeadLetterStore) => Promise<T>): Promise<T> {
  const config = configFor(options, false)
  const store = await openLetters(config, await commandLog(config, options))
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

function row(letter: DeadLetter): readonly string[] {
  const { event, attempts } = letter
  const age = printDuration(Math.max(0, Date.now() - letter.createdAt))
  const reason = attempts.at(-1)?.code ?? 'waits behind an earlier one'
  return [
    letter.id,
    letter.state,
    `${event.schema}.${event.table}`,
    letter.target,
    String(attempts.length),
    age,
    reason,
  ]
}
