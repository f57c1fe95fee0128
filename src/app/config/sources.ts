import type { Problem, SourceLocation } from '../../model/errors.ts'
import type { FileContents, WrittenSource, WrittenValue } from './file.ts'
import { readValues, type ReadValuesOptions } from './read-values.ts'
import { SOURCE_NAME, SOURCE_NAME_HINT } from './source-name.ts'
import { environmentName, type SettingPath, type SettingValues } from './settings.ts'

/** The name of the source that posted events come from. */
export const EVENTS_SOURCE = 'events'

/** The name of the source that the events of the event store come from. */
export const STREAMS_SOURCE = 'event-store'

/** One entry of `sources:`, with the values of `source.…` that hold for it. */
export interface ReadSource {
  readonly name: string
  readonly location: SourceLocation
  readonly written: ReadonlyMap<string, WrittenValue>
  readonly values: SettingValues
}

/** The entries of `sources:`; undefined where there is no such list. The environment sets the short form only. */
export function readSources(
  { sources, values }: FileContents,
  options: Omit<ReadValuesOptions, 'written'>,
): readonly ReadSource[] | undefined {
  if (sources === undefined) return undefined
  const report = (location: SourceLocation, message: string, hint: string): void => {
    options.problems.push(problem(location, message, hint))
  }
  if (sources.entries.length === 0 && !sources.isBroken) {
    report(sources.location, 'sources: the list is empty', 'Write at least one entry: - {name: shop, url: mysql://…}.')
  }
  const short = [...values.keys()].find((path) => path.startsWith('source.'))
  if (short !== undefined) {
    report(
      sources.location,
      '"sources" and "source" are both given',
      'Move what "source" says into an entry of "sources".',
    )
  }
  const variable = [...options.environment.keys()].find((path) => path.startsWith('source.'))
  if (variable !== undefined) {
    const message = `"sources" is given, and the environment variable ${environmentName(variable)}, which sets "source"`
    report(sources.location, message, 'Unset the variable, and write ${env:NAME} in the entry of "sources" instead.')
  }
  checkNames(sources.entries, report)
  return sources.entries.map((entry) => readSource(entry, options))
}

function readSource({ name, location, values: written }: WrittenSource, options: Omit<ReadValuesOptions, 'written'>) {
  const called = `source ${name?.text ?? '(unnamed)'}: `
  const environment = new Map<SettingPath, string>()
  return {
    name: name?.text ?? '',
    location,
    written,
    values: readValues({ ...options, environment, written, called, within: 'source.' }),
  }
}

function checkNames(
  entries: readonly WrittenSource[],
  report: (location: SourceLocation, message: string, hint: string) => void,
): void {
  const seen = new Set<string>()
  for (const { name, location } of entries) {
    if (name === undefined) {
      report(location, 'a source of the list has no name', `Add name: to it. ${SOURCE_NAME_HINT}`)
    } else if (!SOURCE_NAME.test(name.text)) {
      report(name.location, `"${name.text}" is not a valid name of a source`, SOURCE_NAME_HINT)
    } else if (seen.has(name.text)) {
      report(
        name.location,
        `two sources have the name "${name.text}"`,
        'Give each its own: its position is stored under it.',
      )
    } else seen.add(name.text)
  }
}

function problem(location: SourceLocation, message: string, hint: string): Problem {
  return { code: 'BINGO_CONFIG_SOURCES', severity: 'error', location, message, hint }
}
