import type { SourceState } from '../model/source/source-state.ts'
import type { Stats } from '../model/stats.ts'
import type { Finding } from './finding.ts'

/** What there is to say of each source; where there are several, every message names its own. */
export function ofEachSource(
  { sources }: Stats,
  find: (source: SourceState, name: string) => readonly Finding[] | Finding | null,
): Finding[] {
  return [...sources].flatMap(([name, source]) => {
    const found = [find(source, name) ?? []].flat() as Finding[]
    return sources.size < 2 ? found : found.map((each) => ({ ...each, message: `source ${name}: ${each.message}` }))
  })
}
