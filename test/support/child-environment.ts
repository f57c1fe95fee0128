/**
 * What a process of BinGo gets of the environment that the tests run in: nothing but the path, and the cache of compiled
 * code, without which each start spends a second of CPU on reading the sources.
 */
export const CHILD_ENVIRONMENT: Readonly<Record<string, string | undefined>> = {
  PATH: process.env['PATH'],
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
}
