/**
 * `npm run build`: the program and the library as a few files in dist/, with the libraries that every start needs, which
 * halves the time of a start; then the declarations of the library, and the licences of what is inside. Libraries in
 * "dependencies" stay outside: they are loaded from node_modules when a rule needs them.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown, type Plugin } from 'rolldown'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const DIST = join(ROOT, 'dist')

interface Manifest {
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
  { name: 'command', test: /src\/cli\/(program|context|daemon\/ask-daemon)\.ts$/ },
  { name: 'mysql', test: /node_modules\/(mysql2|@vlasky\/zongji)\// },
  { name: 'redis', test: /node_modules\/ioredis\// },
  { name: 'rules', test: /src\/(rules\/files\/load|targets\/registry)\.ts$/ },
  { name: 'daemon', test: /src\/(cli\/daemon\/run-daemon|targets\/redis\/target|state\/sqlite\/state-store)\.ts$/ },
].map((group, i) => ({ ...group, priority: -i }))

/** A single character beyond Latin-1 makes Node keep the text of its whole file with two bytes a character. */
const ONE_BYTE: Plugin = {
  name: 'one-byte',
  renderChunk(code, { fileName }) {
    if (/\.raw`[^`]*[^\0-\u00ff]/.test(code)) throw new Error(`${fileName}: String.raw would keep the escapes`)
    const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
    return { code: code.replaceAll(/[^\0-\u00ff]/g, escaped), map: null }
  },
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/** Answers the files that went in. */
async function bundle({ dependencies, engines }: Manifest): Promise<string[]> {
  const outside = Object.keys(dependencies!)
  const build = await rolldown({
    cwd: ROOT,
    input: { main: 'src/main.ts', index: 'src/index.ts' },
    platform: 'node',
    external: (id) => id.startsWith('node:') || outside.some((name) => id === name || id.startsWith(`${name}/`)),
    transform: { target: engines!.node.replace('>=', 'node') },
    // What is loaded later by some commands is loaded at once by others.
    checks: { ineffectiveDynamicImport: false },
  })
  const { output } = await build.write({
    dir: DIST,
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

/** Folders of the packages that these files belong to. */
function packagesOf(files: readonly string[]): ReadonlySet<string> {
  const folders = new Set<string>()
  for (const file of files) {
    const [folder] = /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(file.replace('\0', '')) ?? []
    if (folder !== undefined) folders.add(folder)
  }
  return folders
}

function licenceOf(folder: string): string {
  const { name, version, license } = manifestOf(folder)
  const files = readdirSync(folder).filter((entry) => /^(licen[cs]e|copying|notice)(\.|-|$)/i.test(entry))
  if (files.length === 0 && license === undefined) throw new Error(`${name} comes without a licence`)
  const texts = files.toSorted().map((file) => readFileSync(join(folder, file), 'utf8').trim())
  return [`${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n')
}

const modules = await bundle(manifestOf(ROOT))
const head = 'The files in this folder contain code of these packages.'
const licences = [...packagesOf(modules)].map(licenceOf).toSorted()
writeFileSync(join(DIST, 'THIRD-PARTY-LICENSES.txt'), `${[head, ...licences].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`)
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', join(ROOT, '.config/tsconfig.build.json')], {
  stdio: 'inherit',
})
