import { fileURLToPath } from 'node:url'

/** Where the tests' own bundle is, for the processes that they start; see servers/global-setup.ts. */
export const BUNDLE = 'BINGO_TESTS_BUNDLE'

const SOURCES = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/**
 * What a process of BinGo under test runs: the bundle, as users do; with BINGO_TEST_DIST=1 that which `npm run build` made.
 * `sources`: what failpoints are put into.
 */
export function mainFile({ sources = false }: { readonly sources?: boolean } = {}): string {
  if (process.env['BINGO_TEST_DIST']) return fileURLToPath(new URL('../../dist/main.js', import.meta.url))
  return sources ? SOURCES : (process.env[BUNDLE] ?? SOURCES)
}
