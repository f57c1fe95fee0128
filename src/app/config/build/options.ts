import type { Problem } from '../../../model/errors.ts'
import type { FileContents } from '../file.ts'
import type { SettingPath, SettingValues } from '../settings.ts'
import type { ReadSource } from '../sources.ts'

/** Whether somebody has to say where to read rows from. */
export type SourceNeed = boolean | 'unless events' | 'unless brokers'

export interface BuildOptions {
  /** Complete but for the settings that have no default. */
  readonly values: SettingValues
  readonly contents: Pick<FileContents, 'values' | 'targets' | 'groups' | 'brokers' | 'namesBrokers' | 'outboxes'>
  /** The entries of `sources:`; undefined: there is the one of `source:`. */
  readonly sources: readonly ReadSource[] | undefined
  /** Paths that the file or the environment give, right or wrong. */
  readonly given: ReadonlySet<string>
  readonly path: string | null
  readonly cwd: string
  readonly sourceRequired: SourceNeed
  /** Problems between settings are added here. */
  readonly problems: Problem[]
}

/** What `report` looks at. */
export type Reported = BuildOptions & { readonly entry?: ReadSource }

/** Adds a problem at the place where a setting stands. `ofEntry`: the hint where that is an entry of `sources:`. */
export function report(
  { contents, problems, entry }: Reported,
  path: SettingPath,
  code: string,
  message: string,
  { hint, ofEntry = hint }: { hint: string; ofEntry?: string },
): void {
  const location = contents.values.get(path)?.location ?? entry?.location
  const of = entry === undefined ? '' : `source ${entry.name}: `
  problems.push({
    code,
    severity: 'error',
    location,
    message: of + message,
    hint: entry === undefined ? hint : ofEntry,
  })
}
