import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the tests' own bundles are, for the processes that they start; see servers/global-setup.ts. */
export const BUNDLE = 'BINGO_TESTS_BUNDLE'
export const FAILPOINTS_BUNDLE = 'BINGO_TESTS_FAILPOINTS_BUNDLE'

/** Files of test/fault/failpoints. */
export const FAILPOINT_FILES = ['changes', 'events', 'sagas', 'waiting'] as const
export type FailpointFile = (typeof FAILPOINT_FILES)[number]

const SOURCES = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const FAILPOINTS = fileURLToPath(new URL('../fault/failpoints/', import.meta.url))

/** What a process of BinGo under test runs: the bundle, as users do; with BINGO_TEST_DIST=1 that which `npm run build` made. */
export function mainFile(): string {
  if (process.env['BINGO_TEST_DIST']) return fileURLToPath(new URL('../../dist/main.js', import.meta.url))
  return process.env[BUNDLE] ?? SOURCES
}

/** Arguments for Node: BinGo with these failpoints, which wrap the modules that it runs. */
export function withFailpoints(name: FailpointFile): readonly string[] {
  const main = process.env[FAILPOINTS_BUNDLE]
  if (main === undefined) return ['--import', join(FAILPOINTS, `${name}.ts`), SOURCES]
  return ['--import', join(dirname(main), `failpoints/${name}.js`), main]
}
