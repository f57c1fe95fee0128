import type { BrokerConfig } from '../../app/config/brokers/contract.ts'
import type { Config } from '../../app/config/config.ts'
import { STREAMS_SOURCE } from '../../app/config/sources.ts'
import { stateSettings } from '../../app/state-settings.ts'
import { createEventStore } from '../../event-store/create.ts'
import { BingoError } from '../../model/errors.ts'
import { NO_GAPS } from '../../model/event/gap.ts'
import type { Log } from '../../model/rule/action.ts'
import { SourceRecords } from '../../state/checkpoint/source-record.ts'
import { openInstanceState } from '../../state/open.ts'
import { describeGap } from '../events/describe-gap.ts'

/** Whether `--source` names the event store, whose events this instance follows. */
export function isStreams({ eventStore }: Config, source: string | undefined): boolean {
  return source === STREAMS_SOURCE && eventStore !== null && eventStore.follow !== 'off'
}

/** `bingo position show --source event-store`, or of a broker. `setting`: where a first start begins. */
export async function showStoredPosition(
  config: Config,
  log: Log,
  json: boolean,
  [source, setting]: readonly [source: string, setting: string],
): Promise<void> {
  const { state } = await openInstanceState(stateSettings(config, log), { readOnly: true })
  try {
    const stored = await new SourceRecords(state, config.name, source).load()
    if (json) process.stdout.write(`${JSON.stringify(stored)}\n`)
    else if (stored === null) process.stdout.write(`no checkpoint yet: the first start begins at ${setting}\n`)
    else {
      const gaps = stored.gaps.recent.map((gap) => `gap       ${describeGap(gap)}\n`).join('')
      const saved = new Date(stored.savedAt).toISOString()
      process.stdout.write(`position  ${stored.position}\nsaved     ${saved}\n${gaps}`)
    }
  } finally {
    await state.close()
  }
}

/** The broker that `--source` names; without a name the first one, where there is no server. */
export function brokerOf({ brokers, sources }: Config, source: string | undefined): BrokerConfig | undefined {
  if (source === undefined) return sources.length === 0 ? brokers[0] : undefined
  return brokers.find(({ name }) => name === source)
}

/** Where a broker is read on is kept by the broker. */
export function refuseBroker({ name, type }: BrokerConfig): never {
  const hints = {
    kafka:
      'Stop BinGo and run: kafka-consumer-groups --reset-offsets --group GROUP --topic TOPIC --to-earliest --execute',
    nats: 'Stop BinGo and run: nats consumer rm STREAM DURABLE, set `from`, and give the source another name.',
    redis: 'Stop BinGo and run: redis-cli XGROUP SETID STREAM GROUP 0',
  }
  throw new BingoError('BINGO_POSITION_OF_BROKER', `the position of "${name}" is kept by the broker`, {
    hint: hints[type],
  })
}

/** `bingo position set earliest --source event-store`: the daemon reads the events behind `place` at its next start. */
export async function setStreamsPosition(config: Config, log: Log, place: string): Promise<void> {
  const position = await positionAt(config, place)
  const { state } = await openInstanceState(stateSettings(config, log))
  try {
    const records = new SourceRecords(state, config.name, STREAMS_SOURCE)
    const before = await records.load()
    const savedAt = Date.now()
    // Higher than that of any daemon that may still run: its next save is refused and it stops.
    const epoch = (before?.epoch ?? Math.floor(savedAt / 1_000)) + 1
    await records.save({ position, savedAt, epoch, gaps: NO_GAPS })
    process.stdout.write(`Previous position: ${before?.position ?? 'none'}\nNew position: ${position}\n`)
  } finally {
    await state.close()
  }
}

async function positionAt({ eventStore }: Config, place: string): Promise<string> {
  if (place === 'earliest') return '0'
  if (/^\d{1,19}$/.test(place)) return place
  if (place !== 'latest') {
    throw new BingoError('BINGO_START_INVALID', `"${place}" is not a position of the event store`, {
      hint: 'Write earliest, latest, or the global position of an event (bingo store read).',
    })
  }
  await using store = createEventStore(eventStore!.url, { create: false })
  return String(await store.lastPosition())
}
