import type { Config } from '../config/config.ts'
import type { DeadLetter, DeadLetterStore } from '../core/dead-letter.ts'
import { BingoError } from '../core/errors.ts'
import { openCheckpointStore } from '../checkpoint/open-store.ts'
import type { Log } from '../core/action.ts'
import { askDaemon } from './ask-daemon.ts'
import { commandLog, configFor } from './context.ts'
import { filterOf, type SelectOptions } from './dead-letters.ts'
import { openLetters } from './open-letters.ts'
import { ProgressBar } from './progress-bar.ts'
import { Resender } from './resender.ts'
import { rulesFor } from './rules-for.ts'
import { stopSignals } from './stop-signals.ts'

/** Letters that have to be sent one after the other: those of one row for one rule. */
type Group = readonly DeadLetter[]

/** `bingo dead-letters retry`: answers whether all that were chosen were taken. */
export async function retryLetters(ids: readonly string[], options: SelectOptions): Promise<boolean> {
  const config = configFor(options, false)
  const log = await commandLog(config, options)
  const store = await openLetters(config, log)
  try {
    const groups = await chosenGroups(store, ids, options)
    const total = groups.reduce((sum, group) => sum + group.length, 0)
    if (options.dryRun) {
      for (const { id } of groups.flat()) process.stdout.write(`would retry ${id}\n`)
      process.stdout.write(`${total} would be retried\n`)
      return true
    }
    const parked = groups.some((group) => group.some(({ state }) => state !== 'skip'))
    await using _alone = parked ? await withoutDaemon(config, log) : undefined
    return await retryAll(groups, total, store, config, log)
  } finally {
    await store.close()
  }
}

async function retryAll(
  groups: readonly Group[],
  total: number,
  store: DeadLetterStore,
  config: Config,
  log: Log,
): Promise<boolean> {
  const { ruleSet } = await rulesFor(config)
  using stop = stopSignals()
  await using resender = new Resender(ruleSet, log, stop.signal)
  using bar = new ProgressBar(process.stderr, 'retrying', total)
  let sent = 0
  for (const group of groups) {
    for (const letter of group) {
      if (stop.signal.aborted) break
      const failure = await resender.send(letter)
      bar.advance()
      if (failure !== null) {
        bar.line(`${letter.id}: ${failure.code} ${failure.message}`)
        // What comes after it in its row waits for it.
        break
      }
      await store.remove([letter.id])
      sent += 1
    }
  }
  process.stdout.write(`${sent} sent, ${total - sent} left\n`)
  return sent === total
}

/** In the order of their events. Of a parked row all entries are taken, whichever were asked for. */
async function chosenGroups(store: DeadLetterStore, ids: readonly string[], options: SelectOptions): Promise<Group[]> {
  const rows = new Set<string>()
  const skipped = new Set<string>()
  for await (const letter of store.list(filterOf(ids, options))) {
    if (letter.state === 'skip') skipped.add(letter.id)
    else rows.add(rowOf(letter))
  }
  const groups = new Map<string, DeadLetter[]>()
  for await (const letter of store.list({})) {
    const row = rowOf(letter)
    if (letter.state === 'skip' ? !skipped.has(letter.id) : !rows.has(row)) continue
    const group = groups.get(row)
    if (group === undefined) groups.set(row, [letter])
    else group.push(letter)
  }
  return [...groups.values()]
}

function rowOf({ ruleId, rowKey }: DeadLetter): string {
  return JSON.stringify([ruleId, rowKey])
}

/** A running daemon would go on parking rows that were emptied here, and could send newer events before older ones. */
async function withoutDaemon(config: Config, log: Log): Promise<AsyncDisposable> {
  const status = await askDaemon(config, '/status').catch(() => null)
  if (status !== null && (status.body as { name?: unknown }).name === config.name) {
    throw new BingoError(
      'BINGO_DAEMON_RUNNING',
      `the daemon "${config.name}" is running and remembers which rows are parked`,
      {
        hint: 'Stop it (nothing is lost), retry, start it again.',
      },
    )
  }
  // A file checkpoint is locked by a running daemon wherever it runs.
  const checkpoints = openCheckpointStore(config.checkpoint.store, config.name, { log })
  await checkpoints.load()
  return { [Symbol.asyncDispose]: () => checkpoints.close() }
}
