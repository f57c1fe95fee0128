import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of the heap that something still holds, now that garbage is collected. */
export function heldBytes(): number {
  collect({ type: 'major' })
  return process.memoryUsage().heapUsed
}

/** The same, with the garbage that has grown old, which only a search of the whole heap finds. */
export function keptBytes(): number {
  // What survives the first of them is old behind the second.
  collect({ type: 'minor' })
  collect({ type: 'minor' })
  return process.memoryUsage().heapUsed
}

function collect(options: { readonly type: 'major' | 'minor' }): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as (options: { readonly type: 'major' | 'minor' }) => void
  gc(options)
}
