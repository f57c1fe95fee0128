import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'

/** Patterns are written in rules, so there are few; a pattern taken from data must not fill the memory. */
const MAX_CACHED = 256
const cache = new Map<string, RE2JS>()

/** `matches()` of CEL: whether some part of the text matches, in time linear in its length (RE2 syntax). */
export function re2Matches(text: string, pattern: string): boolean {
  return compileRe2(pattern).test(text)
}

/** Throws an error whose message says what is wrong with the pattern. */
export function compileRe2(pattern: string): RE2JS {
  let compiled = cache.get(pattern)
  if (compiled === undefined) {
    try {
      compiled = engine().compile(pattern)
    } catch (error) {
      throw new Error(`invalid regular expression "${pattern}": ${(error as Error).message}`, { cause: error })
    }
    if (cache.size >= MAX_CACHED) cache.clear()
    cache.set(pattern, compiled)
  }
  return compiled
}

/** Loaded with the first pattern, at once: filters are compiled without waiting. */
function engine(): typeof RE2JS {
  const re2 = createRequire(import.meta.url)('re2js') as typeof import('re2js')
  return re2.RE2JS
}
