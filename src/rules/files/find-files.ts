import { lstat, readdir, stat } from 'node:fs/promises'
import type { Stats } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { compileGlob } from '../table-pattern.ts'

/** A rules file: where it is, and how it is called in messages. */
export interface RuleFile {
  readonly path: string
  readonly name: string
}

const RULE_FILE = /\.ya?ml$/i

/**
 * The files that patterns name: a file, a folder (its *.yaml and *.yml), or a glob with `*`, `?` and `**`. Several may
 * stand in one pattern, separated by commas. Sorted by path, each once; `missing` are patterns that name nothing. What is
 * there and cannot be looked into, such as a link that leads nowhere or a closed folder, is among the files: reading it
 * fails, and says why. Leaving it out would drop its rules without a word.
 */
export async function findRuleFiles(
  patterns: readonly string[],
  baseDir: string,
): Promise<{ readonly files: readonly RuleFile[]; readonly missing: readonly string[] }> {
  const found = new Set<string>()
  const missing: string[] = []
  for (const pattern of splitPatterns(patterns)) {
    const paths = await expand(resolve(baseDir, pattern))
    if (paths.length === 0) missing.push(pattern)
    for (const path of paths) found.add(path)
  }
  const files = [...found].toSorted().map((path) => ({ path, name: displayName(path, baseDir) }))
  return { files, missing }
}

export function splitPatterns(patterns: readonly string[]): readonly string[] {
  return patterns
    .flatMap((pattern) => pattern.split(','))
    .map((pattern) => pattern.trim())
    .filter((each) => each !== '')
}

/** The deepest folder of a pattern that is named without wildcards: where changes can be watched. */
export function folderOf(pattern: string, baseDir: string): string {
  const parts = resolve(baseDir, pattern).split(sep)
  const wild = parts.findIndex((part) => /[*?]/.test(part))
  return (wild < 0 ? parts : parts.slice(0, wild)).join(sep) || sep
}

function displayName(path: string, baseDir: string): string {
  const name = relative(baseDir, path)
  return name.startsWith('..') || isAbsolute(name) ? path : name
}

async function expand(path: string): Promise<readonly string[]> {
  if (/[*?]/.test(path)) return glob(path)
  const info = await follow(path).catch((error: unknown) => (isAbsent(error) ? undefined : 'closed'))
  if (info === undefined) return []
  if (info === 'closed' || !info.isDirectory()) return [path]
  const entries = await readdir(path).catch(() => undefined)
  if (entries === undefined) return [path]
  return entries.filter((name) => RULE_FILE.test(name) && !name.startsWith('.')).map((name) => join(path, name))
}

/** What a path leads to; a link that leads nowhere is a link. */
function follow(path: string): Promise<Stats> {
  return stat(path).catch(() => lstat(path))
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

async function glob(path: string): Promise<readonly string[]> {
  const parts = path.split(sep)
  const wild = parts.findIndex((part) => /[*?]/.test(part))
  return walk(parts.slice(0, wild).join(sep) || sep, parts.slice(wild))
}

async function walk(folder: string, [part, ...rest]: readonly string[]): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => isAbsent(error))
  if (typeof entries === 'boolean') return entries ? [] : [folder]
  const deeper = part === '**' ? await walk(folder, rest) : []
  const matches = part === '**' ? () => true : compileGlob(part ?? '')
  const found = await Promise.all(
    entries
      .filter((entry) => !entry.name.startsWith('.') && matches(entry.name))
      .map(async (entry) => {
        const path = join(folder, entry.name)
        // Mounted configuration consists of symbolic links.
        const isFolder = entry.isSymbolicLink() ? await leadsToFolder(path) : entry.isDirectory()
        if (isFolder) return part === '**' ? walk(path, ['**', ...rest]) : rest.length > 0 ? walk(path, rest) : []
        return rest.length === 0 && part !== '**' ? [path] : []
      }),
  )
  return [...deeper, ...found.flat()]
}

/** A file may be gone since its folder was read. */
async function leadsToFolder(path: string): Promise<boolean> {
  const info = await follow(path).catch(() => undefined)
  return info?.isDirectory() === true
}
