import { RecordCheckpoints } from '../../app/binlog-checkpoints.ts'
import type { Config, NamedSourceConfig } from '../../app/config/config.ts'
import { STREAMS_SOURCE } from '../../app/config/sources.ts'
import { stateSettings } from '../../app/state-settings.ts'
import type { Log } from '../../model/rule/action.ts'
import type { CheckpointStore } from '../../model/state/checkpoint.ts'
import { BingoError } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { SourceRecords } from '../../state/checkpoint/source-record.ts'
import { openInstanceState, type OpenCheckpointOptions } from '../../state/open.ts'

/** The source that `--source` names; the first where it names none. */
export function chosenSource({ sources, brokers, eventStore }: Config, name: string | undefined): NamedSourceConfig {
  const found = name === undefined ? sources[0] : sources.find((source) => source.name === name)
  if (found !== undefined) return found
  const followsStreams = eventStore !== null && eventStore.follow !== 'off'
  if (name === undefined) {
    throw new BingoError('BINGO_SOURCE_UNKNOWN', 'the configuration has no source that is a server', {
      hint: followsStreams
        ? `Name another one: --source ${STREAMS_SOURCE}.`
        : 'Posted events have no position to show or set: see `bingo events list`.',
    })
  }
  const names = [...sources, ...brokers].map((source) => source.name)
  if (followsStreams) names.push(STREAMS_SOURCE)
  const meant = nearestName(name, names)
  throw new BingoError('BINGO_SOURCE_UNKNOWN', `there is no source "${name}" in the configuration`, {
    hint: `${meant === undefined ? '' : `Did you mean "${meant}"? `}Sources: ${names.join(', ')}.`,
  })
}

/** The place where the position of one source is kept. */
export async function openPosition(
  config: Config,
  source: NamedSourceConfig,
  log: Log,
  options: OpenCheckpointOptions,
): Promise<CheckpointStore> {
  const { state, checkpoints } = await openInstanceState(stateSettings(config, log), options)
  if (source === config.sources[0]) return checkpoints
  const close = (): Promise<void> => state.close()
  return new RecordCheckpoints(new SourceRecords(state, config.name, source.name), config.name, close)
}
