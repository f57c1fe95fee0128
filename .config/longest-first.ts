import { readFileSync } from 'node:fs'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { pathFromTest } from './durations.ts'

/** Seconds of the files that take long, as `npm run test:durations` wrote them. */
const RECORDED = JSON.parse(readFileSync(new URL('./test-durations.json', import.meta.url), 'utf8')) as {
  readonly [file: string]: number | undefined
}
/** Of files that nobody has measured yet: too early is better than alone at the end. */
const UNKNOWN_S: { readonly [project: string]: number } = { fault: 60, integration: 9, unit: 1 }

/**
 * Long files first, of all projects together, so that no worker is left with one of them at the end. Vitest goes by project,
 * and on a clean clone by the size of files, where the longest are among the shortest.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds = ({ moduleId, project }: TestSpecification): number =>
      RECORDED[pathFromTest(moduleId)] ?? UNKNOWN_S[project.name] ?? 0
    return (await super.sort(files)).sort((one, other) => seconds(other) - seconds(one))
  }
}
