import { statSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'

/** Beside main.js: whoever can write there can change the program as well. */
const FOLDER = '.compiled'

/**
 * Keeps what V8 compiled of the bundle for the next start, which takes 0.1 s of CPU time less then. Only for the user that
 * owns the bundle: others cannot write there, and what root left the owner could not remove. Node keeps apart what other
 * versions and flags compiled, and compiles what it cannot use. A folder that NODE_COMPILE_CACHE names goes first.
 * Answers the folder; undefined: nothing is kept.
 */
export function keepCompiledCode(main: string, uid: number | undefined): string | undefined {
  // Sources run where they are worked on.
  if (uid === undefined || !main.endsWith('.js')) return undefined
  const dist = dirname(main)
  try {
    if (statSync(dist).uid !== uid) return undefined
  } catch {
    // Node's permission model forbids the look.
    return undefined
  }
  return module.enableCompileCache(join(dist, FOLDER)).directory
}
