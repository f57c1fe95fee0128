/**
 * What BinGo needs of Node, for the entry of the process: this file and main.ts are all that an old Node reads before it
 * is told that it is too old, so nothing newer than Node 18 may be used in them.
 */

/** The oldest Node that BinGo runs on; package.json "engines" says the same. */
export const OLDEST_NODE = '22.19.0'

/**
 * Young objects in 16 MB: the daemon keeps little, so a larger space only adds to its memory (docs/performance.md). V8
 * reads this when it makes its heap, so `v8.setFlagsFromString` comes too late.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=16']

/** `bingo tail` keeps nothing at all of what it printed. */
export const TAIL_FLAGS: readonly string[] = ['--max-semi-space-size=4']

/**
 * One arena of glibc's malloc for all threads: buffers that one thread makes and another one frees leave holes in each of
 * several arenas, 10 MB where whole events go to a log. Other allocators ignore it. It is read before Node starts.
 */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '1' }

/** Commands that read many rows. For the others starting Node twice costs more than it saves. */
const LONG_COMMANDS: ReadonlySet<string> = new Set(['run', 'tail', 'dead-letters'])

/** What to tell the user of a Node that is too old; undefined where it is new enough. */
export function nodeTooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number)
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined
  return `error BINGO_NODE_TOO_OLD BinGo requires Node ${oldestMajor}.${oldestMinor} or newer; this is Node ${version}\n  → Install a newer Node, or use the container image.\n`
}

/** The part of `process` that replacing it needs. */
export interface ReplaceableProcess {
  readonly argv: readonly string[]
  readonly execArgv: readonly string[]
  readonly execPath: string
  readonly env: { readonly [name: string]: string | undefined }
  readonly connected?: boolean | undefined
  /** Missing on Windows. */
  execve?(file: string, args: readonly string[], env: { readonly [name: string]: string | undefined }): never
}

/**
 * Starts this process again with Node's flags and environment, under the same id and with the same files, where whoever started it did not
 * give them: the command of the npm package has no other place for them. Returns where there is nothing to do.
 */
export function replaceWithFlags(process: ReplaceableProcess): void {
  const { argv, execArgv, execPath, env, connected } = process
  const given = [...execArgv, env['NODE_OPTIONS'] ?? ''].join(' ')
  if (/--max[-_]semi[-_]space[-_]size/.test(given)) return
  const command = argv.slice(2).find((word) => LONG_COMMANDS.has(word))
  if (process.execve === undefined || connected || command === undefined) return
  const flags = command === 'tail' ? TAIL_FLAGS : NODE_FLAGS
  try {
    process.execve(execPath, [execPath, ...flags, ...execArgv, ...argv.slice(1)], { ...NODE_ENVIRONMENT, ...env })
  } catch {
    // Node's permission model forbids it: BinGo works without the flags, with more memory.
  }
}
