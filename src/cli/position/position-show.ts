import type { Checkpoint } from '../../model/state/checkpoint.ts'
import { printDuration } from '../../model/quantity.ts'
import { describeGap } from '../events/describe-gap.ts'
import { commandLog, configFor, type GlobalOptions } from '../context.ts'
import { chosenSource, openPosition } from './open-position.ts'
import { STREAMS_SOURCE } from '../../app/config/sources.ts'
import { brokerOf, isStreams, showStoredPosition } from './streams-position.ts'

/** Options of `bingo position show` and `bingo position set`. */
export interface PositionOptions extends GlobalOptions {
  readonly json?: boolean
  readonly force?: boolean
  /** One of `sources:`; undefined: the first. */
  readonly source?: string
}

/** `bingo position show`. */
export async function showPosition(options: PositionOptions): Promise<void> {
  const config = configFor(options, 'position show')
  const log = await commandLog(config, options)
  const json = options.json === true
  if (isStreams(config, options.source)) {
    return showStoredPosition(config, log, json, [STREAMS_SOURCE, 'eventStore.follow'])
  }
  const broker = brokerOf(config, options.source)
  if (broker !== undefined) return showStoredPosition(config, log, json, [broker.name, '`from` of the source'])
  const source = chosenSource(config, options.source)
  const store = await openPosition(config, source, log, { readOnly: true })
  try {
    const checkpoint = await store.load()
    if (options.json) process.stdout.write(`${JSON.stringify(checkpoint)}\n`)
    else if (checkpoint === null) {
      process.stdout.write(`no checkpoint yet in ${store.description}: the first start begins at source.start\n`)
    } else process.stdout.write(describeCheckpoint(checkpoint, store.description))
  } finally {
    await store.close()
  }
}

export function describeCheckpoint({ name, position, server, savedAt, gaps }: Checkpoint, store: string): string {
  const age = printDuration(Math.max(0, Date.now() - savedAt))
  const lines: readonly (readonly [string, string])[] = [
    ['instance', name],
    ['store', store],
    ['file', position.file === '' ? '(unknown; resumes by GTID set)' : `${position.file}:${position.offset}`],
    ['gtid set', position.gtidSet ?? '(none)'],
    ['server', `${server.flavour} ${server.server}`],
    ['saved', `${new Date(savedAt).toISOString()} (${age} ago)`],
    ...(gaps?.recent ?? []).map((gap) => ['gap', describeGap(gap)] as const),
  ]
  return lines.map(([label, value]) => `${label.padEnd(10)}${value}\n`).join('')
}
