import type { Config, SourceConfig } from '../../app/config/config.ts'
import { STREAMS_SOURCE } from '../../app/config/sources.ts'
import type { Checkpoint, CheckpointStore } from '../../model/state/checkpoint.ts'
import { BingoError } from '../../model/errors.ts'
import type { StartPoint } from '../../model/source/position.ts'
import { validateCheckpoint } from '../../sources/mysql/server/validate-position.ts'
import { binlogFiles } from '../../sources/mysql/server/binlog-status.ts'
import { connectToFirst } from '../../sources/mysql/server/first-server.ts'
import { startAt } from '../../sources/mysql/resume-point.ts'
import { parseStartPoint } from '../../sources/mysql/start-point.ts'
import { askDaemon } from '../daemon/ask-daemon.ts'
import { commandLog, configFor } from '../context.ts'
import { chosenSource, openPosition } from './open-position.ts'
import { brokerOf, isStreams, refuseBroker, setStreamsPosition } from './streams-position.ts'
import { describeCheckpoint, type PositionOptions } from './position-show.ts'

/** `bingo position set`. */
export async function setPosition(place: string, options: PositionOptions): Promise<void> {
  const config = configFor(options, 'position set')
  const broker = brokerOf(config, options.source)
  if (broker !== undefined) refuseBroker(broker)
  const start = options.source === STREAMS_SOURCE ? null : parseStartPoint(place)
  if (config.checkpoint.store === 'memory:') throw memoryStore()
  if (options.force !== true) await refuseBesideDaemon(config)
  const log = await commandLog(config, options)
  if (isStreams(config, options.source)) return setStreamsPosition(config, log, place)
  const source = chosenSource(config, options.source)
  const store = await openPosition(config, source, log, { replace: true })
  try {
    const before = await loadOrReplace(store)
    const checkpoint = await checkpointAt(start ?? parseStartPoint(place), config.name, source, before)
    await store.save(checkpoint)
    process.stdout.write(`New checkpoint:\n${describeCheckpoint(checkpoint, store.description)}`)
  } finally {
    await store.close()
  }
}

/** Asks the server what the place means, so that nothing is written that it could not begin at. */
async function checkpointAt(
  start: StartPoint,
  name: string,
  source: SourceConfig,
  before: Checkpoint | null,
): Promise<Checkpoint> {
  const { control, facts } = await connectToFirst(source)
  try {
    const { position, fileCreated } = await startAt(start, control, facts)
    const server = { flavour: facts.flavour, server: facts.identity, fileCreated: fileCreated ?? 0 }
    validateCheckpoint({ position, server }, { ...facts, files: await binlogFiles(control) })
    return {
      version: 1,
      name,
      position,
      server,
      savedAt: Date.now(),
      // Higher than that of any daemon that may still run: its next save is refused and it stops.
      epoch: (before?.epoch ?? secondsNow()) + 1,
      gaps: before?.gaps,
    }
  } finally {
    control.close()
  }
}

/** A corrupt or foreign checkpoint is what this command is there to replace. */
async function loadOrReplace(store: CheckpointStore): Promise<Checkpoint | null> {
  try {
    const before = await store.load()
    process.stdout.write(
      before === null
        ? 'No previous checkpoint.\n\n'
        : `Previous checkpoint:\n${describeCheckpoint(before, store.description)}\n`,
    )
    return before
  } catch (error) {
    if (!(error instanceof BingoError) || !/^BINGO_CHECKPOINT_(CORRUPT|FOREIGN|AHEAD)$/.test(error.code)) throw error
    process.stdout.write(`Replacing an unusable checkpoint: ${error.message}\n\n`)
    return null
  }
}

async function refuseBesideDaemon(config: Config): Promise<void> {
  const status = await askDaemon(config, '/status').catch(() => null)
  if (status === null || (status.body as { name?: unknown }).name !== config.name) return
  throw new BingoError(
    'BINGO_DAEMON_RUNNING',
    `the daemon "${config.name}" is running and would overwrite the checkpoint`,
    {
      hint: 'Stop the daemon first, or use --force: the daemon is then fenced off and stops.',
    },
  )
}

function memoryStore(): BingoError {
  return new BingoError('BINGO_CHECKPOINT_MEMORY', 'cannot set a checkpoint: checkpoint.store is memory', {
    hint: 'Set BINGO_SOURCE_START instead.',
  })
}

function secondsNow(): number {
  return Math.floor(Date.now() / 1_000)
}
