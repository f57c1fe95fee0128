import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown, type Plugin } from 'rolldown'

export const ROOT = fileURLToPath(new URL('../', import.meta.url))

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly engines?: { readonly node: string }
}

/**
 * What these modules import goes into one file each: finding a file costs more than reading it, and reading one of several
 * megabytes takes memory. A health check, which runs every few seconds, needs the first only.
 */
const GROUPS = [
  { name: 'command', test: /src\/cli\/(program|context|daemon\/(ask-daemon|status-show))\.ts$/ },
  { name: 'mysql', test: /node_modules\/(mysql2|@vlasky\/zongji)\// },
  { name: 'redis', test: /node_modules\/ioredis\// },
  { name: 'rules', test: /src\/(rules\/files\/load|targets\/registry)\.ts$/ },
  { name: 'daemon', test: /src\/(cli\/daemon\/run-daemon|targets\/redis\/target|state\/sqlite\/state-store)\.ts$/ },
].map((group, i, { length }) => ({ ...group, priority: length - i }))

/** A single character beyond ASCII makes Node keep the text of its whole file with two bytes a character. */
const ONE_BYTE: Plugin = {
  name: 'one-byte',
  renderChunk(code, { fileName }) {
    if (/\.raw`[^`]*[^\0-\u007f]/.test(code)) throw new Error(`${fileName}: String.raw would keep the escapes`)
    const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
    return { code: code.replaceAll(/[^\0-\u007f]/g, escaped), map: null }
  },
}

export function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/**
 * Writes the program and the library as a few files into the folder `to`. Answers the files that went in. `more`: files by
 * their names in the bundle, which have the modules of the program in common with it.
 */
export async function bundle(to: string, more: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const { dependencies, engines } = manifestOf(ROOT)
  const outside = Object.keys(dependencies!)
  const build = await rolldown({
    cwd: ROOT,
    input: { main: 'src/main.ts', index: 'src/index.ts', thread: 'src/targets/thread.ts', ...more },
    platform: 'node',
    external: (id) => id.startsWith('node:') || outside.some((name) => id === name || id.startsWith(`${name}/`)),
    transform: { target: engines!.node.replace('>=', 'node') },
    // What is loaded later by some commands is loaded at once by others.
    checks: { ineffectiveDynamicImport: false },
  })
  const { output } = await build.write({
    dir: to,
    // Not below dist/chunk/…: package.json and main.js are found from there (cli/version.ts, demo/daemon-process.ts).
    chunkFileNames: 'chunk/[name].js',
    // Names and lines stay, so that a stack trace can be read: libraries look at the names of their classes, too.
    keepNames: true,
    minify: false,
    comments: false,
    sourcemap: true,
    sourcemapExcludeSources: true,
    plugins: [ONE_BYTE],
    codeSplitting: { groups: GROUPS },
  })
  await build.close()
  return output.flatMap((file) => (file.type === 'chunk' ? Object.keys(file.modules) : []))
}
