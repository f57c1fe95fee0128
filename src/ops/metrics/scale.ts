import type { ScaleMember, ScaleState, Stats } from '../../model/stats.ts'
import type { Instruments } from './instruments.ts'

/** Of readers and workers. The state is there once the process has begun. */
export function addScaleGauges(instruments: Instruments, stats: Pick<Stats, 'scale'>): void {
  const gauge = (name: string, help: string, read: (scale: ScaleState) => number | null): void =>
    instruments.gauge(name, help, [], () => {
      const value = stats.scale === null ? null : read(stats.scale)
      return value === null ? [] : [[{}, value]]
    })
  const count = (scale: ScaleState, is: (member: ScaleMember) => boolean): number =>
    scale.members().filter((member) => is(member)).length
  gauge('bingo_scale_workers', 'Workers that live', (scale) => count(scale, ({ role }) => role === 'worker'))
  gauge('bingo_scale_readers', 'Readers that live, standbys included', (scale) =>
    count(scale, ({ role }) => role === 'reader'),
  )
  gauge('bingo_scale_shares', 'Shares that this worker has', ({ role, held }) => (role === 'worker' ? held.size : null))
  gauge('bingo_scale_behind', 'Appended records of the shares of this worker that are not finished', ({ role, held }) =>
    role === 'worker' ? [...held.values()].reduce((sum, each) => sum + each, 0) : null,
  )
  gauge(
    'bingo_scale_shares_unheld',
    'Shares that no worker has',
    (scale) => scale.shares - new Set(scale.members().flatMap(({ shares }) => shares)).size,
  )
}
