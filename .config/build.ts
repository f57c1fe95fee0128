/**
 * `npm run build`: the program and the library as a few files in dist/, with the libraries that every start needs, which
 * halves the time of a start; then the declarations of the library, and the licences of what is inside. Libraries in
 * "dependencies" stay outside: they are loaded from node_modules when a rule needs them.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { bundle, manifestOf, ROOT } from './bundle.ts'

const DIST = join(ROOT, 'dist')

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

const modules = await bundle(DIST)
const head = 'The files in this folder contain code of these packages.'
const licences = [...packagesOf(modules)].map(licenceOf).toSorted()
writeFileSync(join(DIST, 'THIRD-PARTY-LICENSES.txt'), `${[head, ...licences].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`)
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', join(ROOT, '.config/tsconfig.build.json')], {
  stdio: 'inherit',
})
