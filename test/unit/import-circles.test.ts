import { expect, test } from 'vitest'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../../src/', import.meta.url))

/** `import … from './x.ts'`, `export … from './x.ts'`, `import './x.ts'`, `import('./x.ts')`: types too, and what is loaded late. */
const IMPORTED = /\b(?:from|import)[ (]\s*'(\.[^']+)'/g

type Imports = ReadonlyMap<string, readonly string[]>

/** What each file of src/ imports of src/, by paths below it. */
function importsOfSource(): Imports {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return new Map(files.sort().map((file) => [file, importsOf(file, readFileSync(join(SRC, file), 'utf8'))]))
}

function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(IMPORTED)].map(([, path]) => join(dirname(file), path!))
}

/** The way round of each circle that a walk from file to file comes upon, as `a.ts -> b.ts -> a.ts`. */
function circlesOf(imports: Imports): string[] {
  const circles: string[] = []
  const seen = new Set<string>()
  const way: string[] = []
  const walk = (file: string): void => {
    const before = way.indexOf(file)
    if (before >= 0) circles.push([...way.slice(before), file].join(' -> '))
    if (seen.has(file)) return
    seen.add(file)
    way.push(file)
    for (const next of imports.get(file) ?? []) walk(next)
    way.pop()
  }
  for (const file of imports.keys()) walk(file)
  return circles
}

// The linter's import/no-cycle does not follow import().
test('no files of src import each other in a circle, types and what is loaded late included', () => {
  const imports = importsOfSource()
  expect(imports.get('main.ts')).toContain('cli/program.ts')
  expect(circlesOf(imports)).toEqual([])
})

test('a circle is named by the files on its way', () => {
  const texts = {
    'a.ts': `import type { B } from './b/b.ts'\nimport {\n  one,\n  other,\n} from './d.ts'`,
    'b/b.ts': `const { c } = await import('../c.ts')`,
    'c.ts': `export { a } from './a.ts'`,
    'd.ts': `import './a.ts'\nimport { readFileSync } from 'node:fs'`,
  }
  const imports = new Map(Object.entries(texts).map(([file, text]) => [file, importsOf(file, text)]))
  expect(circlesOf(imports)).toEqual(['a.ts -> b/b.ts -> c.ts -> a.ts', 'a.ts -> d.ts -> a.ts'])
})
