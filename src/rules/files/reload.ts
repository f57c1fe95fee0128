import { createHash } from 'node:crypto'
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { dirname } from 'node:path'
import { systemClock, type Clock, type Timer } from '../../model/clock.ts'
import { isFolder } from '../../model/folder.ts'
import { readSmallFile } from '../../model/small-file.ts'
import { findRuleFiles, folderOf, splitPatterns } from './find-files.ts'
import { loadRules } from './load.ts'
import type { LoadedRules, LoadOptions } from './load.ts'

export interface WatchOptions extends LoadOptions {
  /** Loads them anew; absent: with these options. */
  load?(): Promise<LoadedRules>
  /** The rules changed and are right. */
  onLoaded(rules: LoadedRules): void | Promise<void>
  /** The rules changed and cannot be used (ProblemsError), or `onLoaded` failed: the old ones stay in force. */
  onError(error: unknown): void
  /** Files besides that rules are made of: the schemas of events. */
  readonly alsoFiles?: () => readonly string[]
  /** How long the files must be quiet: editors and deployments write in several steps. */
  readonly quietMs?: number
  /** How often to look anyway: mounted folders of some hosts report no changes. */
  readonly pollMs?: number
  readonly clock?: Clock
}

const QUIET_MS = 200
const POLL_MS = 5_000
/** Of SQLite: a database beside the rules, such as the store of posted events, is written all the time. */
const ALWAYS_WRITTEN = /-(wal|shm|journal)$/

export interface RuleWatch extends Disposable {
  /** The present state of the files is known: from here on no change is missed. */
  readonly ready: Promise<void>
}

/** Loads the rules again whenever their files change, until disposed. One load at a time. */
export function watchRules(options: WatchOptions): RuleWatch {
  const watcher = new RuleWatcher(options)
  return { ready: watcher.ready, [Symbol.dispose]: () => watcher.close() }
}

class RuleWatcher {
  private readonly options: WatchOptions
  private readonly watchers: FSWatcher[] = []
  private readonly clock: Clock
  private readonly poll: Timer
  private quiet: Timer | null = null
  readonly ready: Promise<void>
  /** Fingerprint of what was loaded last, right or wrong. */
  private loaded = ''
  /** Fingerprint of a change that has been seen once. */
  private seen = ''
  private busy = false
  private again = false
  private closed = false

  constructor(options: WatchOptions) {
    this.options = options
    this.clock = options.clock ?? systemClock
    this.ready = fingerprint(options).then((found) => {
      this.loaded = found
    })
    for (const [folder, isTree] of foldersOf(options)) this.watch(folder, isTree)
    this.poll = this.clock.every(options.pollMs ?? POLL_MS, () => void this.check())
  }

  close(): void {
    this.closed = true
    this.poll.cancel()
    this.quiet?.cancel()
    for (const watcher of this.watchers) watcher.close()
  }

  /** Folders, not files: an editor that replaces a file, or a mounted volume that swaps links, would end its watch. */
  private watch(folder: string, isTree: boolean): void {
    try {
      const watcher = watch(folder, { persistent: false, recursive: isTree }, (_event, name) => {
        if (name === null || !ALWAYS_WRITTEN.test(name)) this.touched()
      })
      // Where watching ends (the folder is gone), looking from time to time goes on.
      watcher.on('error', () => watcher.close())
      this.watchers.push(watcher)
    } catch {
      // Not there yet, or not watchable: as above.
    }
  }

  private touched(): void {
    this.quiet?.cancel()
    this.quiet = this.clock.afterIdle(this.options.quietMs ?? QUIET_MS, () => void this.check())
  }

  /** Never rejects. */
  private async check(): Promise<void> {
    if (this.busy) {
      this.again = true
      return
    }
    this.busy = true
    try {
      await this.ready
      const found = await fingerprint(this.options)
      if (found === this.loaded || this.closed) return
      // A file may be half written: what is loaded has been the same for two looks.
      if (found === this.seen) await this.load(found)
      else this.touched()
      this.seen = found
    } finally {
      this.busy = false
      if (this.again && !this.closed) this.touched()
      this.again = false
    }
  }

  private async load(found: string): Promise<void> {
    this.loaded = found
    try {
      const rules = await (this.options.load?.() ?? loadRules(this.options))
      if (!this.closed) await this.options.onLoaded(rules)
    } catch (error) {
      if (!this.closed) this.options.onError(error)
    }
  }
}

/**
 * Folders, and whether what is below them counts, too. Where a file is named it does not: Node.js walks a whole tree
 * with each change in it, and state is often kept in the same folder.
 */
function foldersOf({ patterns, baseDir }: WatchOptions): ReadonlyMap<string, boolean> {
  const folders = new Map<string, boolean>()
  for (const pattern of splitPatterns(patterns)) {
    const path = folderOf(pattern, baseDir)
    const isTree = isFolder(path)
    const folder = isTree ? path : dirname(path)
    folders.set(folder, isTree || folders.get(folder) === true)
  }
  return folders
}

function contentOf(path: string): string {
  try {
    return readSmallFile(path)
  } catch {
    return ''
  }
}

/** Names and contents of the files; what cannot be read counts as empty and is reported when it is loaded. */
async function fingerprint({ patterns, baseDir, alsoFiles }: WatchOptions): Promise<string> {
  const hash = createHash('sha256')
  const { files } = await findRuleFiles(patterns, baseDir).catch(() => ({ files: [] }))
  for (const path of [...files.map((file) => file.path), ...(alsoFiles?.() ?? [])]) {
    const content = contentOf(path)
    hash.update(`${path}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}
