import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { CLIENT_FILES, CLOCK_FILE, ROOMS, TIMERS_ALLOWED, type Room } from './rooms.ts'

const ROOT = new URL('../', import.meta.url)
const OXLINTRC = new URL('.oxlintrc.json', ROOT)
/** Marks the overrides that this file writes; others in .oxlintrc.json are kept. */
const RULE = 'no-restricted-imports'
const TIMERS_RULE = 'no-restricted-globals'
const TIMERS_MESSAGE = `Wait by the injected Clock (src/${CLOCK_FILE}).`
const TIMERS = ['setTimeout', 'setInterval']

interface Pattern {
  readonly regex: string
  readonly importNames?: readonly string[]
  readonly message: string
}

/** Every folder below src/ that holds files, without `src/` in front. */
export function foldersOfSource(): string[] {
  return readdirSync(new URL('src/', ROOT), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => entry.parentPath.slice(new URL('src/', ROOT).pathname.length))
    .filter((folder, index, all) => folder !== '' && all.indexOf(folder) === index)
    .sort()
}

/** The innermost room that a folder belongs to. */
export function roomOf(folder: string): Room | undefined {
  return ROOMS.filter(({ folder: room }) => folder === room || folder.startsWith(`${room}/`)).toSorted(
    (one, other) => other.folder.length - one.folder.length,
  )[0]
}

/** What a file of `room`, `depth` folders below src/, may not import, by the relative path that it would have to write. */
function forbidden(room: Room, depth: number): Pattern[] {
  const closed = ROOMS.filter((other) => other !== room && other.floor >= room.floor)
  const up = '\\.\\./'.repeat(depth)
  const names = closed.flatMap((other) => reachable(other, room))
  const message = `Imports run downwards: ${room.folder} (floor ${room.floor}) may not know this room. See .config/rooms.ts.`
  const patterns = [{ regex: `^${up}(${[...names, '(main|index)\\.ts$'].join('|')})`, message }]
  const outer = closed.find(({ folder }) => room.folder.startsWith(`${folder}/`))
  // From an inner room, the outer one is reached by fewer steps up.
  if (outer !== undefined) {
    patterns.push({ regex: `^${'\\.\\./'.repeat(depth - outer.folder.split('/').length)}[^.]`, message })
  }
  return patterns
}

/** Beginnings of paths below src/ that lie in `other`, without rooms inside of it that `room` may know. */
function reachable(other: Room, room: Room): string[] {
  const inner = ROOMS.filter(({ folder, floor }) => folder.startsWith(`${other.folder}/`) && floor < room.floor)
  if (inner.length === 0) return [`${other.folder}/`]
  const open = new Set(inner.map(({ folder }) => folder))
  const below = foldersOfSource().filter(
    (folder) => folder.startsWith(`${other.folder}/`) && !open.has(roomOf(folder)!.folder),
  )
  return [`${other.folder}/[^/]+$`, ...below.map((folder) => `${folder}/`)]
}

/** The timers of Node's modules. Yielding a turn (`setImmediate`) is no waiting. */
const TIMER_IMPORTS: Pattern = {
  regex: '^(node:)?timers(/promises)?$',
  importNames: [...TIMERS, 'scheduler'],
  message: TIMERS_MESSAGE,
}

function clientPaths(file?: string): { name: string; message: string; allowTypeImports: true }[] {
  return Object.entries(CLIENT_FILES)
    .filter(([, opener]) => opener !== file)
    .map(([name, opener]) => ({ name, message: `Only src/${opener} talks to ${name}.`, allowTypeImports: true }))
}

/** The overrides of .oxlintrc.json that follow from the table of rooms. */
export function roomOverrides(): unknown[] {
  const depths = new Map<string, { room: Room; depth: number }>()
  for (const folder of foldersOfSource()) {
    const room = roomOf(folder)
    if (room === undefined) continue
    const depth = folder.split('/').length
    depths.set(`src/${room.folder}${'/*'.repeat(depth - room.folder.split('/').length)}/*.ts`, { room, depth })
  }
  // Outer rooms first: the globs of an inner room say more, and the last override counts.
  const rooms = [...depths].toSorted(([, one], [, other]) => one.room.folder.length - other.room.folder.length)
  return [
    ...rooms.map(([glob, { room, depth }]) => override(glob, clientPaths(), patternsOf(room, depth))),
    ...[...new Set(Object.values(CLIENT_FILES))].map((file) => {
      const folder = file.slice(0, file.lastIndexOf('/'))
      return override(`src/${file}`, clientPaths(file), patternsOf(roomOf(folder)!, folder.split('/').length))
    }),
    override(`src/${CLOCK_FILE}`, clientPaths(), forbidden(roomOf('model')!, 1)),
    ...timerOverrides(),
  ]
}

function patternsOf(room: Room, depth: number): Pattern[] {
  const patterns = forbidden(room, depth)
  return TIMERS_ALLOWED.includes(room.folder) ? patterns : [...patterns, TIMER_IMPORTS]
}

function override(glob: string, paths: readonly unknown[], patterns: readonly Pattern[]): unknown {
  return { files: [glob], rules: { [RULE]: ['error', { paths, patterns }] } }
}

function timerOverrides(): unknown[] {
  const allowed = [`src/${CLOCK_FILE}`, ...TIMERS_ALLOWED.map((folder) => `src/${folder}/**/*.ts`)]
  const timers = TIMERS.map((name) => ({ name, message: TIMERS_MESSAGE }))
  return [
    { files: ['src/**/*.ts'], rules: { [TIMERS_RULE]: ['error', ...timers] } },
    { files: allowed, rules: { [TIMERS_RULE]: 'off' } },
  ]
}

/** .oxlintrc.json as it should be. */
export function lintConfiguration(): string {
  const config = JSON.parse(readFileSync(OXLINTRC, 'utf8')) as { overrides: { rules: Record<string, unknown> }[] }
  const others = config.overrides.filter(({ rules }) => !Array.isArray(rules[RULE]) && !(TIMERS_RULE in rules))
  return `${JSON.stringify({ ...config, overrides: [...roomOverrides(), ...others] }, null, 2)}\n`
}

export function currentConfiguration(): string {
  return readFileSync(OXLINTRC, 'utf8')
}

if (import.meta.main) writeFileSync(OXLINTRC, lintConfiguration())
