import type { SourceState } from '../../model/source/source-state.ts'
import type { Stats } from '../../model/stats.ts'
import type { Instruments, Labels } from './instruments.ts'
import type { Progress } from '../progress.ts'

/** Of the only one. */
const NO_LABELS: Labels = {}

/** What is known of each source: labelled where there are several. */
export function addSourceGauges(
  instruments: Instruments,
  { sources }: Stats,
  progress: Progress,
  now: () => number,
): void {
  const ofSource = (name: string, help: string, read: (source: SourceState) => number | null | undefined): void =>
    instruments.gauge(name, help, ['source'], () => {
      const several = sources.size > 1
      return [...sources].flatMap(([label, source]) => {
        const value = read(source)
        return value == null ? [] : [[several ? { source: label } : NO_LABELS, value] as const]
      })
    })
  const seconds = (ms: number | null | undefined): number | null => (ms == null ? null : ms / 1000)
  ofSource('bingo_source_connected', '1 while the replica connection stands', ({ connected }) => Number(connected))
  ofSource('bingo_source_caught_up', '1 when everything that the server has was read', ({ caughtUp }) =>
    Number(caughtUp),
  )
  ofSource('bingo_source_stalled', '1 while only heartbeats come although the server has more', ({ stalled }) =>
    Number(stalled !== null),
  )
  ofSource('bingo_source_silence_seconds', 'Time since the last event or heartbeat', (source) =>
    source.lastReceivedAt === 0 ? null : seconds(progress.silentMs(source)),
  )
  ofSource(
    'bingo_source_backlog_bytes',
    'Binlog from the checkpoint to the end of the server',
    ({ retention }) => retention?.backlogBytes,
  )
  ofSource('bingo_purge_headroom_seconds', 'Until the server may purge what is not finished', ({ retention }) =>
    seconds(retention?.headroomMs),
  )
  ofSource(
    'bingo_purge_headroom_bytes',
    'Binlog that the server may write before it purges what is not finished',
    ({ retention }) => retention?.headroomBytes,
  )
  ofSource('bingo_checkpoint_age_seconds', 'Time since the checkpoint was saved', ({ checkpointSavedAt }) =>
    checkpointSavedAt === 0 ? null : seconds(now() - checkpointSavedAt),
  )
}
